import { readFile } from 'node:fs/promises';

const syncs = 'fsync,fdatasync,syncfs';

/** strace that kills what it runs at its `nth` call of the kernel. */
export function killAtCall(call: string, nth: number): string[] {
  return ['strace', '-f', '-qqq', '-o', '/dev/null', ...only(call), `inject=${call}:signal=KILL:when=${nth}`];
}

/** strace that makes the `nth` fsync fail with EIO, and no other; what it saw is in `log`. */
export function failSync(nth: number, log: string): string[] {
  return ['strace', '-f', '-y', '-qqq', '-o', log, ...only(syncs), `inject=${syncs}:error=EIO:when=${nth}`];
}

const only = (calls: string): string[] => ['-e', `trace=${calls}`, '-e', 'signal=none', '-e'];

export type FailedSync = {
  /** Of the file or folder whose fsync failed. */
  readonly path: string;
  /** Whether the same was synced again: what the first one lost would have been taken for written. */
  readonly wasRepeated: boolean;
};

/** What the log of `failSync` tells; undefined when so many fsyncs never came. */
export async function readFailedSync(log: string): Promise<FailedSync | undefined> {
  const lines = (await readFile(log, 'utf8')).split('\n');
  const open = new Map<string, string>();
  let failed: string | undefined;
  for (const line of lines) {
    const [, thread = ''] = /^(\d+) /.exec(line) ?? [];
    const [, begun] = /(?:fsync|fdatasync|syncfs)\(\d+<([^>]*)>/.exec(line) ?? [];
    if (begun !== undefined && failed === begun) return { path: failed, wasRepeated: true };
    if (begun !== undefined) open.set(thread, begun);
    if (line.includes('(INJECTED)')) failed = open.get(thread);
  }
  return failed === undefined ? undefined : { path: failed, wasRepeated: false };
}
