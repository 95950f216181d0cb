import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in ticks of 10 ms wherever node runs (USER_HZ). */
const tickMs = 10;
/** Fields of /proc/PID/stat after the name in brackets: state is the first. */
const userField = 11;

type ProcessUse = { readonly peakBytes: number; readonly cpuMs: number };

/**
 * What a process and all that it started have used so far. Peaks are each process's own (VmHWM), added up: more than what was in
 * memory at any one moment when they peaked at different times. Off Linux: zeros.
 */
export class ProcessTree {
  readonly #pid: number;
  readonly #uses = new Map<number, ProcessUse>();

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** A process that came and went between two looks is not counted, nor what the last look did not see. */
  look(): void {
    for (const pid of withDescendants(this.#pid)) {
      const use = useOf(pid);
      if (use) this.#uses.set(pid, use);
    }
  }

  get peakBytes(): number {
    return this.#sum('peakBytes');
  }

  get cpuMs(): number {
    return this.#sum('cpuMs');
  }

  #sum(figure: keyof ProcessUse): number {
    return [...this.#uses.values()].reduce((sum, use) => sum + use[figure], 0);
  }
}

function withDescendants(pid: number): number[] {
  const children = threadsOf(pid).flatMap((thread) =>
    readText(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withDescendants)];
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // It has ended.
  }
}

function useOf(pid: number): ProcessUse | undefined {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`)) ?? [];
  const stat = readText(`/proc/${pid}/stat`);
  if (kilobytes === undefined || stat === '') return undefined; // It has ended, or waits to be asked for.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[userField]) + Number(fields[userField + 1]);
  return { peakBytes: Number(kilobytes) * 1024, cpuMs: ticks * tickMs };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
