import { readFile } from 'node:fs/promises';

/** Linux counts in ticks of 10 ms wherever node runs (USER_HZ). */
const tickMs = 10;
/** Fields of /proc/PID/stat after the name in brackets: state is the first. */
const userField = 11;

/** Processor time of a process and all its threads so far, in milliseconds; NaN off Linux. */
async function cpuTimeMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[userField]) + Number(fields[userField + 1])) * tickMs;
}

/**
 * Processor time of processes during `work`, in microseconds a message: on a machine that has other things to do, this
 * says more than messages a second.
 */
export async function cpuPerMessage<T>(
  pids: Readonly<Record<string, number>>,
  messages: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cpu: string }> {
  const entries = Object.entries(pids);
  const before = await Promise.all(entries.map(([, pid]) => cpuTimeMs(pid)));
  const result = await work();
  const after = await Promise.all(entries.map(([, pid]) => cpuTimeMs(pid)));
  const texts = entries.map(([name], index) => {
    const spentMs = (after[index] ?? Number.NaN) - (before[index] ?? Number.NaN);
    return `${name} ${((spentMs * 1000) / messages).toFixed(1)} µs`;
  });
  return { result, cpu: `processor a message: ${texts.join(', ')}` };
}
