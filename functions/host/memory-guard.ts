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
  /** What runs now, each isolate the same object at every look, and the slot it has; one that was told to stop has none any more. */
  readonly busy: () => ReadonlyMap<object, number | undefined>;
  /** `culprit`, a slot, is known when its isolate alone ran, at this look and at the one before. */
  readonly onExceeded: (heldBytes: number, culprit: number | undefined) => void;
  readonly heldBytes?: () => number;
};

/**
 * Who took the memory may have ended a moment ago, before all of it was given back, and an innocent one run now, of the same function
 * even: so one look is no proof. Where another look brings none, nobody is blamed.
 */
export function guardMemory({
  grantedBytes,
  busy,
  onExceeded,
  heldBytes = () => process.memoryUsage.rss(),
}: MemoryGuardOptions): void {
  const startBytes = heldBytes();
  let alone: object | undefined;
  let looksOver = 0;
  const look = () => {
    const isolates = busy();
    const [[isolate, slot] = []] = isolates;
    const before = alone;
    alone = isolates.size === 1 ? isolate : undefined;
    if (isolate === undefined) return;
    const held = heldBytes();
    looksOver = held > startBytes + 2 * grantedBytes() + slackBytes ? looksOver + 1 : 0;
    const culprit = alone !== undefined && alone === before ? slot : undefined;
    if (looksOver >= mostLooks || (looksOver > 0 && culprit !== undefined)) onExceeded(held, culprit);
  };
  setInterval(look, everyMs).unref();
}
