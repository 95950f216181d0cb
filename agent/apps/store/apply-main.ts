import { serveJob } from '../../jobs/serve-job.ts';
import { doOrder } from './do-order.ts';
import { toStoreJobSchema, type FromStoreJob, type ToStoreJob } from './job-protocol.ts';

/** The process that writes to `images/`, one at a time. */
serveJob<Extract<ToStoreJob, { type: 'run' }>, FromStoreJob>(
  (message) => toStoreJobSchema.parse(message),
  async ({ order }, context) => {
    await doOrder(order, context);
    return { type: 'done' };
  },
);
