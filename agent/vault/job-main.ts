import { serveJob } from '../jobs/serve-job.ts';
import { toJobSchema, type FromJob, type ToJob } from './job-protocol.ts';
import { runTask } from './run-task.ts';

/** The process of one job of the vault. */
serveJob<Extract<ToJob, { type: 'run' }>, FromJob>(
  (message) => toJobSchema.parse(message),
  async ({ access, task }, { signal, logger, send }) => {
    const result = await runTask(access, task, {
      signal,
      logger,
      onOpened: (opened) => send({ type: 'opened', opened }),
      onSnapshotProgress: (progress) => send({ type: 'snapshotProgress', progress }),
      onStep: (step) => send({ type: 'step', step }),
    });
    return { type: 'done', result };
  },
);
