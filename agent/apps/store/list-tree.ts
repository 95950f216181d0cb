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

/** An entry that is not as it was, for people; undefined when all are. What lies in a folder changes it too: it is named last. */
export function firstDifference(wanted: readonly string[], found: readonly string[]): string | undefined {
  const [before, after] = [byName(wanted), byName(found)];
  for (const name of before.keys()) if (!after.has(name)) return `${name} is gone`;
  for (const name of after.keys()) if (!before.has(name)) return `${name} is new`;
  const changed = [...before].filter(([name, facts]) => after.get(name) !== facts).map(([name]) => name);
  return changed.length === 0 ? undefined : `${changed.at(-1)} is not as it was`;
}

function byName(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(lines.map((line) => [nameOf(line), line]));
}

function nameOf(line: string): string {
  return line.slice(0, line.lastIndexOf('"') + 1);
}
