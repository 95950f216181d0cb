import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { listeners } from './listening-ports.ts';

/** Of an app: whoever has more is looked at in part. */
const maxProcesses = 500;

/** TCP ports that a process or its descendants listen on and that are not among `declared`, in order. None off Linux. */
export async function undeclaredPorts(pid: number, declared: readonly number[]): Promise<number[]> {
  const candidates = (await listeners(pid)).filter(({ port }) => !declared.includes(port));
  if (candidates.length === 0) return [];
  const held = new Set<string>();
  for (const member of await withDescendants(pid)) {
    for (const target of await descriptorsOf(member)) held.add(target);
  }
  const ports = candidates.filter(({ inode }) => held.has(`socket:[${inode}]`)).map(({ port }) => port);
  return [...new Set(ports)].sort((a, b) => a - b);
}

async function withDescendants(pid: number): Promise<number[]> {
  const found = [pid];
  for (const member of found) {
    if (found.length >= maxProcesses) break;
    const threads = await readdir(`/proc/${member}/task`).catch(() => []);
    for (const thread of threads) {
      const children = await readFile(`/proc/${member}/task/${thread}/children`, 'utf8').catch(() => '');
      found.push(...children.split(' ').filter(Boolean).map(Number));
    }
  }
  return found.slice(0, maxProcesses);
}

async function descriptorsOf(pid: number): Promise<string[]> {
  const folder = join('/proc', String(pid), 'fd');
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => '')));
}
