import { readFileSync } from 'node:fs';

/** The last of the line of only children below `pid` on Linux; `pid` itself where the kernel does not list children. */
export function youngestDescendant(pid: number): number {
  const [child] = childrenOf(pid);
  return child === undefined ? pid : youngestDescendant(child);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
