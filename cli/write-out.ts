import { once } from 'node:events';
import type { Run } from './run.ts';

/** Waits for a reader of stdout that is slow; a long stream is never held in memory. */
export async function drained({ io: { stdout }, signal }: Run): Promise<void> {
  if (!stdout.writableNeedDrain || signal.aborted) return;
  await once(stdout, 'drain', { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
