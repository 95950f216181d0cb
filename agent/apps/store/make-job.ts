import { jobEntry, JobProcess } from '../../jobs/job-process.ts';
import type { Logger } from '../../../lib/logger.ts';
import { fromStoreJobSchema, type FromStoreJob, type StoreOrder, type ToStoreJob } from './job-protocol.ts';

/** Does one piece of work on `images/`. Rejects with a SyncError; with the signal's reason when that aborts. */
export type StoreJob = (order: StoreOrder, signal: AbortSignal) => Promise<void>;

/** Each in a process of its own: unpacking costs the agent neither memory nor a standstill. */
export function createStoreJob({ logger }: { readonly logger: Logger }): StoreJob {
  const entry = jobEntry('image-store.mjs', 'apply-main.ts', import.meta.url);
  return async (order, signal) => {
    signal.throwIfAborted();
    const common = { name: 'image store', exitedEvent: 'image.store.exited', entry, logger, signal };
    const parse = (message: unknown): FromStoreJob => fromStoreJobSchema.parse(message);
    await using job = new JobProcess<FromStoreJob, void>({ ...common, parse }, ({ type }, resolve) => {
      if (type === 'done') resolve();
    });
    await job.run({ type: 'run', order } satisfies ToStoreJob);
  };
}
