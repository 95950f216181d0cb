import { readFile, writeFile } from 'node:fs/promises';

/** proc(5): writing it to clear_refs sets the peak back to what is resident now. */
const resetPeak = '5';

/** Begins to watch a process; the function tells by how many bytes its resident memory grew at its peak. Null off Linux. */
export async function watchPeak(pid: number): Promise<() => Promise<number | null>> {
  const before = await resident(pid, 'VmRSS');
  const reset = await writeFile(`/proc/${pid}/clear_refs`, resetPeak).then(
    () => true,
    () => false,
  );
  return async () => {
    const peak = await resident(pid, 'VmHWM');
    return before === null || peak === null || !reset ? null : Math.max(0, peak - before);
  };
}

async function resident(pid: number, line: 'VmRSS' | 'VmHWM'): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kilobytes] = new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(status) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
