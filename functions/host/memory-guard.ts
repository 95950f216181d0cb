/**
 * Memory that isolated-vm does not count, such as that of WebAssembly, is bounded for the process as a whole: what it held at
 * the start, twice what its functions may have, and this much. Looked at every 100 ms while something runs.
 */
const slackBytes = 128 * 2 ** 20;
const everyMs = 100;
/** Over its bound, the process ends at one of this many looks. */
const mostLooks = 3;

export type MemoryGuardOptions = {
  /** Sum of the limits of what is loaded. */
  readonly grantedBytes: () => number;
  /** Who runs now. */
  readonly busySlots: () => readonly number[];
  /** `culprit` is known when it alone ran, at this look and at the one before. */
  readonly onExceeded: (heldBytes: number, culprit: number | undefined) => void;
  readonly heldBytes?: () => number;
};

/**
 * Who took the memory may have ended a moment ago, before all of it was given back, and an innocent one run now: so one look is no
 * proof. Where another look brings none, nobody is blamed.
 */
export function guardMemory({
  grantedBytes,
  busySlots,
  onExceeded,
  heldBytes = () => process.memoryUsage.rss(),
}: MemoryGuardOptions): void {
  const startBytes = heldBytes();
  let alone: number | undefined;
  let looksOver = 0;
  const look = () => {
    const [slot, ...others] = busySlots();
    const before = alone;
    alone = others.length === 0 ? slot : undefined;
    if (slot === undefined) return;
    const held = heldBytes();
    looksOver = held > startBytes + 2 * grantedBytes() + slackBytes ? looksOver + 1 : 0;
    const culprit = alone === before ? alone : undefined;
    if (looksOver >= mostLooks || (looksOver > 0 && culprit !== undefined)) onExceeded(held, culprit);
  };
  setInterval(look, everyMs).unref();
}
