import { join, resolve } from 'node:path';
import { resolveInTree } from '../resolve-in-tree.ts';
import type { LaunchSpec } from '../ports.ts';

/**
 * Where a path as the app sees it lies on this machine, without links: in its tree, or in what is mounted there. Undefined when there
 * is nothing.
 */
export async function insidePath(spec: LaunchSpec, path: string): Promise<string | undefined> {
  const wanted = resolve(spec.cwd, path);
  // The mount that covers it is the innermost.
  const [mount] = spec.mounts
    .filter(({ target }) => wanted === target || wanted.startsWith(`${target}/`))
    .sort((a, b) => b.target.length - a.target.length);
  if (mount === undefined) return resolveInTree(spec.rootfs, wanted);
  const rest = wanted.slice(mount.target.length);
  return rest === '' ? mount.source : resolveInTree(mount.source, rest);
}

/** A variable of the app's environment. */
function variable(spec: LaunchSpec, name: string): string | undefined {
  return spec.env.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The places where a program of that name may be, the first wins; inside. */
export function placesOf(spec: LaunchSpec, program: string): string[] {
  if (program.includes('/')) return [resolve(spec.cwd, program)];
  const folders = (variable(spec, 'PATH') ?? defaultPath).split(':').filter((folder) => folder !== '');
  return folders.map((folder) => join(resolve(spec.cwd, folder), program));
}
