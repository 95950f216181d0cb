import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

export type Listener = { readonly port: number; readonly inode: string };

/** TCP_LISTEN in the kernel's tables. */
const listenState = '0A';

/** Sockets that listen, of a table as `/proc/net/tcp` has it. */
export function parseListeners(table: string): Listener[] {
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const port = /^[0-9A-F]+:([0-9A-F]{4})$/.exec(fields[1] ?? '')?.[1];
    const inode = fields[9];
    return port === undefined || inode === undefined || fields[3] !== listenState
      ? []
      : [{ port: Number.parseInt(port, 16), inode }];
  });
}

/** TCP sockets that listen in the network of `pid`. None where the machine does not tell. */
export async function listeners(pid: number | 'self' = 'self'): Promise<Listener[]> {
  const tables = ['tcp', 'tcp6'].map((name) =>
    readFile(join('/proc', String(pid), 'net', name), 'utf8').catch(() => ''),
  );
  return (await Promise.all(tables)).flatMap(parseListeners);
}

/** Who holds a socket: `nginx (pid 12)`; undefined when this user may not see it. Reads every process: not for each look. */
export async function holderOf(inode: string): Promise<string | undefined> {
  const processes = await readdir('/proc').catch(() => []);
  for (const pid of processes.filter((name) => /^[0-9]+$/.test(name))) {
    if (!(await holds(pid, `socket:[${inode}]`))) continue;
    const name = await readFile(join('/proc', pid, 'comm'), 'utf8').catch(() => '');
    return `${name.trim() || 'a program'} (pid ${pid})`;
  }
  return undefined;
}

async function holds(pid: string, target: string): Promise<boolean> {
  const folder = join('/proc', pid, 'fd');
  for (const descriptor of await readdir(folder).catch(() => []))
    if ((await readlink(join(folder, descriptor)).catch(() => '')) === target) return true;
  return false;
}
