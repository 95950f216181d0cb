/**
 * Memory that isolated-vm does not count, such as that of WebAssembly, is bounded for the process as a whole: what it held at
 * the start, twice what its functions may have, and this much. Looked at every 100 ms while something runs.
 */
const slackBytes = 128 * 2 ** 20;
const everyMs = 100;

export type MemoryGuardOptions = {
  /** Sum of the limits of what is loaded. */
  readonly grantedBytes: () => number;
  readonly isBusy: () => boolean;
  readonly onExceeded: (heldBytes: number) => void;
};

export function guardMemory({ grantedBytes, isBusy, onExceeded }: MemoryGuardOptions): void {
  const startBytes = process.memoryUsage.rss();
  const look = () => {
    if (!isBusy()) return;
    const heldBytes = process.memoryUsage.rss();
    if (heldBytes > startBytes + 2 * grantedBytes() + slackBytes) onExceeded(heldBytes);
  };
  setInterval(look, everyMs).unref();
}
