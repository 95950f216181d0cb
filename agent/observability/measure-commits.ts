import type { Apply } from '../streams/apply.ts';
import { storeError } from '../streams/sqlite-errors.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { AgentMeter } from './metrics.ts';

/** What commits to the local store, measured. `path` is for naming its errors only. */
export function measureCommits(apply: Apply, meter: AgentMeter, path: string): Apply {
  return (units, counts) => {
    const startedMs = performance.now();
    try {
      const draft = apply(units, counts);
      meter.add('holdfast.store.commits', {});
      meter.record('holdfast.store.commit.duration', (performance.now() - startedMs) / 1000, {});
      for (const { stream, reason, count } of draft.dropped)
        meter.add('holdfast.stream.dropped', { stream, reason }, count);
      return draft;
    } catch (error) {
      meter.add('holdfast.store.commit.failures', {
        'error.type': errorCode(storeError(error, path)) ?? 'bug',
      });
      throw error;
    }
  };
}
