import { findBwrap } from './bwrap.ts';
import { permissionModelOnly, type ProcessSandbox } from './process-sandbox.ts';

/** The strongest there is on this machine. Tries it with the very flags that hosts get, which takes a process or two. */
export async function findProcessSandbox(
  platform: NodeJS.Platform = process.platform,
): Promise<ProcessSandbox> {
  if (platform !== 'linux') return permissionModelOnly(`bwrap runs on Linux, this is ${platform}`);
  const found = await findBwrap();
  if ('problem' in found) return permissionModelOnly(found.problem);
  return { kind: 'bwrap', description: 'bwrap', ...found };
}
