import { jobEntry, JobProcess } from '../jobs/job-process.ts';
import type { Logger } from '../../lib/logger.ts';
import { fromJobSchema, type FromJob, type ToJob, type VaultTaskResult } from './job-protocol.ts';
import type { JobOptions, JobRunner } from './ports.ts';

export type JobProcessOptions = {
  readonly logger: Logger;
  /** The program of the job; by default that which was built beside this one, or is among the sources. */
  readonly entry?: string;
};

/** Runs each job of the vault in a process of its own. */
export function createJobRunner({
  logger,
  entry = jobEntry('vault-job.mjs', 'job-main.ts', import.meta.url),
}: JobProcessOptions): JobRunner {
  return async (access, task, options) => {
    const { signal } = options;
    signal.throwIfAborted();
    const common = { name: 'vault job', exitedEvent: 'vault.job.exited', entry, logger, signal };
    const parse = (message: unknown): FromJob => fromJobSchema.parse(message);
    await using job = new JobProcess<FromJob, VaultTaskResult>({ ...common, parse }, (message, resolve) =>
      take(message, { ...options, resolve }),
    );
    return await job.run({ type: 'run', access, task } satisfies ToJob);
  };
}

function take(
  message: FromJob,
  {
    onOpened,
    onSnapshotProgress,
    onStep,
    resolve,
  }: JobOptions & { readonly resolve: (result: VaultTaskResult) => void },
): void {
  switch (message.type) {
    case 'opened': {
      onOpened(message.opened);
      return;
    }
    case 'snapshotProgress':
      return onSnapshotProgress?.(message.progress);
    case 'step':
      return onStep?.(message.step);
    case 'done': {
      resolve(message.result);
      return;
    }
    case 'log':
    case 'failed':
      return;
    default:
      return message satisfies never;
  }
}
