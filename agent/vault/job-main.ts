import { setPriority } from 'node:os';
import { isCodedError } from '../../lib/coded-error.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { keepYoungHeapSmall } from '../../lib/spare-memory.ts';
import { isTransient } from '../reconcile/failure.ts';
import { toJobSchema, type FromJob } from './job-protocol.ts';
import { runTask } from './run-task.ts';

/**
 * The process of one job: takes it over the IPC channel, tells of its progress there, and ends. Without the channel there is
 * nobody to work for.
 */

/** What else runs on the device goes first. */
const niceness = 10;

const cancelling = new AbortController();

function send(message: FromJob, done?: () => void): void {
  process.send?.(message, undefined, undefined, done);
}

function log({ time: _time, level, event, ...fields }: LogEvent): void {
  send({ type: 'log', level, event, fields });
}

function fail(error: unknown): FromJob {
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

async function take(message: unknown): Promise<void> {
  const parsed = toJobSchema.parse(message);
  if (parsed.type === 'cancel') {
    cancelling.abort();
    return;
  }
  const { access, task } = parsed;
  let answer: FromJob;
  try {
    const result = await runTask(access, task, {
      signal: cancelling.signal,
      logger: createLogger(log),
      onOpened: (opened) => send({ type: 'opened', opened }),
      onSnapshotProgress: (progress) => send({ type: 'snapshotProgress', progress }),
      onStep: (step) => send({ type: 'step', step }),
    });
    answer = { type: 'done', result };
  } catch (error) {
    answer = fail(error);
  }
  send(answer, () => process.exit(0));
}

try {
  setPriority(niceness);
} catch {
  // Not allowed here: it works with the priority it has.
}
keepYoungHeapSmall();
process.once('disconnect', () => process.exit(1));
process.on('message', (message) => void take(message));
