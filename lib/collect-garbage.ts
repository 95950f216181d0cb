import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collector = NonNullable<typeof globalThis.gc>;

/**
 * Stands still for a full collection of the thorough kind, which gives memory back to the system: an ordinary one gives nothing back. Some
 * 70 ms for a heap of 20 MB.
 */
export function collectGarbage(): void {
  openCollector()({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * For who lets much more pass through than it keeps: tell it how many bytes have passed, and it collects the young heap, less than
 * 1 ms, every so many of them. To V8 alone a process that turns buffers over looks nearly idle until they are 50 MB.
 */
export function youngCollector({ everyBytes }: { readonly everyBytes: number }): (bytes: number) => void {
  const collect = openCollector();
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < everyBytes) return;
    passed = 0;
    collect({ type: 'minor', execution: 'sync' });
  };
}

/** V8 shows its collector to contexts made while the flag is set: nothing else in the process sees it. */
function openCollector(): Collector {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as Collector;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
