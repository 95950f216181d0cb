import { serveJob } from '../../jobs/serve-job.ts';
import { toStoreJobSchema, type FromStoreJob, type ToStoreJob } from './job-protocol.ts';
import { makeTree } from './make-trees.ts';
import { removeTrees, sweepTrees } from './remove-trees.ts';

/** The process that writes to `images/`, one at a time. */
serveJob<Extract<ToStoreJob, { type: 'run' }>, FromStoreJob>(
  (message) => toStoreJobSchema.parse(message),
  async ({ order }, { signal, logger }) => {
    const { folder } = order;
    if (order.kind === 'make') {
      await sweepTrees(folder);
      for (const image of order.images) await makeTree(image, { folder, logger, signal });
    } else {
      await removeTrees(folder, order.names);
    }
    return { type: 'done' };
  },
);
