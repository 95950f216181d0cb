import { setPriority } from 'node:os';
import { isCodedError } from '../../lib/coded-error.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { createLogger, type Logger } from '../../lib/logger.ts';
import { keepYoungHeapSmall } from '../../lib/spare-memory.ts';
import { isTransient } from '../reconcile/failure.ts';
import type { JobFailed, JobLog } from './job-messages.ts';

/** What else runs on the device goes first. */
const niceness = 10;

export type JobContext<Message> = {
  /** Aborts when the agent no longer wants the job. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly send: (message: Message) => void;
};

/**
 * The process of one job: takes it over the IPC channel, tells of its progress there, and ends. Without the channel there is
 * nobody to work for.
 */
export function serveJob<Order extends { readonly type: string }, Message extends { readonly type: string }>(
  parse: (message: unknown) => Order | { readonly type: 'cancel' },
  /** Resolves with the message of its result. */
  work: (order: Order, context: JobContext<Message>) => Promise<Message>,
): void {
  const cancelling = new AbortController();
  const send = (message: Message | JobLog | JobFailed, done?: () => void): void => {
    process.send?.(message, undefined, undefined, done);
  };
  const logger = createLogger(({ time: _time, level, event, ...fields }) =>
    send({ type: 'log', level, event, fields }),
  );
  const take = async (message: unknown): Promise<void> => {
    const order = parse(message);
    if (isCancel(order)) {
      cancelling.abort();
      return;
    }
    const answer = await work(order, { signal: cancelling.signal, logger, send }).catch(failedMessage);
    send(answer, () => process.exit(0));
  };

  try {
    setPriority(niceness);
  } catch {
    // Not allowed here: it works with the priority it has.
  }
  keepYoungHeapSmall();
  process.once('disconnect', () => process.exit(1));
  process.on('message', (message) => void take(message));
}

function isCancel(order: { readonly type: string }): order is { readonly type: 'cancel' } {
  return order.type === 'cancel';
}

function failedMessage(error: unknown): JobFailed {
  const hint = isCodedError(error) ? error.hint : undefined;
  return {
    type: 'failed',
    problem: {
      code: isCodedError(error) ? error.code : 'internal',
      message: errorMessage(error),
      ...(hint !== undefined && { hint }),
      transient: isTransient(error),
    },
  };
}
