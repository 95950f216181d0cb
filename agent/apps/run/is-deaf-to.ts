import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * Whether a signal has no effect on a process only because it is the first of its process namespace: to such a one the kernel does not do
 * what a signal does by default (pid_namespaces(7)), which for any other process is to end it. One that handles, ignores or waits for the
 * signal is not deaf. By proc(5).
 */
export function isDeafTo(pid: number, signal: string): boolean {
  const number = constants.signals[signal as NodeJS.Signals] as number | undefined;
  const status = statusOf(pid);
  if (number === undefined || !/^NSpid:.*\t1$/m.test(status)) return false;
  return ['SigBlk', 'SigIgn', 'SigCgt'].every((name) => {
    const [, mask = '0'] = new RegExp(`^${name}:\\t([0-9a-f]+)$`, 'm').exec(status) ?? [];
    return ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 0n;
  });
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
