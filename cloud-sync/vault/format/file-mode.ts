import type { NodeType } from './tree-node.ts';

/** Bits of Go's os.FileMode, which trees have, over the permissions. */
const setUserId = 1 << 23;
const setGroupId = 1 << 22;
const sticky = 1 << 20;

const typeBits: Record<NodeType, number> = {
  file: 0,
  dir: 1 << 31,
  symlink: 1 << 27,
  dev: 1 << 26,
  chardev: (1 << 26) | (1 << 21),
  fifo: 1 << 25,
  socket: 1 << 24,
};

/** `mode`: as in `st_mode & 0o7777`. */
export function goFileMode(mode: number, type: NodeType): number {
  const special =
    (mode & 0o4000 ? setUserId : 0) | (mode & 0o2000 ? setGroupId : 0) | (mode & 0o1000 ? sticky : 0);
  return ((mode & 0o777) | special | typeBits[type]) >>> 0;
}

export function unixMode(goMode: number): number {
  const special =
    (goMode & setUserId ? 0o4000 : 0) | (goMode & setGroupId ? 0o2000 : 0) | (goMode & sticky ? 0o1000 : 0);
  return (goMode & 0o777) | special;
}
