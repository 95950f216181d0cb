import { errorCode } from '../../lib/error-code.ts';
import type { Draft } from '../streams/ledger.ts';
import type { AgentMeter } from './metrics.ts';

/** What makes units durable: a transaction, then a sync. */
export type Commits<Unit> = {
  readonly commit: (units: readonly Unit[]) => Draft;
  /** Undefined: it is done. */
  readonly sync: () => Promise<void> | undefined;
};

/** Commits to the local store, one at a time, measured from the transaction to the end of its sync. */
export function measureCommits<Unit>({ commit, sync }: Commits<Unit>, meter: AgentMeter): Commits<Unit> {
  let startedMs = 0;
  const failed = (error: unknown): void => {
    meter.add('holdfast.store.commit.failures', { 'error.type': errorCode(error) ?? 'bug' });
  };
  let dropped: Draft['dropped'] = [];
  const synced = (): void => {
    meter.add('holdfast.store.commits', {});
    meter.record('holdfast.store.commit.duration', (performance.now() - startedMs) / 1000, {});
    for (const { stream, reason, count } of dropped)
      meter.add('holdfast.stream.dropped', { stream, reason }, count);
  };
  const refused = (error: unknown): never => {
    failed(error);
    throw error;
  };
  return {
    commit: (units) => {
      startedMs = performance.now();
      try {
        const draft = commit(units);
        ({ dropped } = draft);
        return draft;
      } catch (error) {
        failed(error);
        throw error;
      }
    },
    sync: () => {
      try {
        const syncing = sync();
        if (syncing) return syncing.then(synced, refused);
      } catch (error) {
        refused(error);
      }
      synced();
      return undefined;
    },
  };
}
