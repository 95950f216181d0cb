import { readFileSync } from 'node:fs';

/** A process of this machine for good: a number is given again, and a start time after the next boot too. */
export type ProcessIdentity = {
  readonly pid: number;
  readonly boot: string;
  /** Clock ticks since the boot: field 22 of /proc/PID/stat (proc(5)). */
  readonly startTicks: string;
};

/** Of the `pid` file that the parent of an app writes: the boot, then its line of /proc/PID/stat. Undefined for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [, boot = '', stat = ''] = /^([0-9a-f-]{36}) (.{1,4096})\n$/s.exec(text) ?? [];
  const seen = parseStat(stat);
  return seen === undefined ? undefined : { boot, pid: seen.pid, startTicks: seen.startTicks };
}

/** Whether it still runs: one that only waits for its parent to ask does not. */
export function isAlive({ pid, boot, startTicks }: ProcessIdentity): boolean {
  if (boot !== textOf('/proc/sys/kernel/random/boot_id')?.trim()) return false;
  const seen = parseStat(textOf(`/proc/${pid}/stat`) ?? '');
  return seen?.startTicks === startTicks && !'ZX'.includes(seen.state);
}

/** By /proc; none where the kernel does not list children. */
export function childrenOf(pid: number): number[] {
  const text = textOf(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

/** Whether the kernel tells children at all. */
export function listsChildren(): boolean {
  return textOf('/proc/thread-self/children') !== undefined;
}

/** The command may hold blanks and brackets, so fields are counted from the last bracket. */
function parseStat(text: string): { pid: number; state: string; startTicks: string } | undefined {
  const pid = Number.parseInt(text, 10);
  const [state = '', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[18];
  return pid > 0 && startTicks !== undefined ? { pid, state, startTicks } : undefined;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
