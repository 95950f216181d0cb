import { lstatSync, readdirSync, type BigIntStats } from 'node:fs';

export type TreeListing = {
  /** One line an entry: path, type, mode, owner, size, time in nanoseconds. */
  readonly lines: readonly string[];
  /** A file has the set-user-id or set-group-id bit. */
  readonly setsIds: boolean;
};

const setIdBits = 0o6000;

/** What is in a tree, in an order that does not depend on the file system. Contents are not read. */
export function listTree(rootfs: string): TreeListing {
  const lines: string[] = [];
  let setsIds = false;
  const visit = (path: string, name: string): void => {
    const stats = lstatSync(path, { bigint: true });
    lines.push(`${JSON.stringify(name)} ${factsOf(stats)}`);
    if (stats.isFile() && (Number(stats.mode) & setIdBits) !== 0) setsIds = true;
    if (!stats.isDirectory()) return;
    for (const child of readdirSync(path).sort())
      visit(`${path}/${child}`, name === '.' ? child : `${name}/${child}`);
  };
  visit(rootfs, '.');
  return { lines, setsIds };
}

function factsOf(stats: BigIntStats): string {
  const { mode, uid, gid, size, mtimeNs } = stats;
  // That of a folder is the file system's own affair.
  const bytes = stats.isDirectory() ? 0n : size;
  return `${mode.toString(8)} ${uid} ${gid} ${bytes} ${mtimeNs}`;
}

/** The first entry that is not as it was, for people; undefined when all are. */
export function firstDifference(wanted: readonly string[], found: readonly string[]): string | undefined {
  const at = wanted.findIndex((line, index) => line !== found[index]);
  if (at < 0) return wanted.length === found.length ? undefined : `${nameOf(found[wanted.length])} is new`;
  const [lost, there] = [nameOf(wanted[at]), nameOf(found[at])];
  if (lost === there) return `${lost} is not as it was`;
  return found.some((line) => nameOf(line) === lost) ? `${there} is new` : `${lost} is gone`;
}

function nameOf(line = ''): string {
  return line.slice(0, line.lastIndexOf('"') + 1);
}
