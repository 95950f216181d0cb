import { doneWith } from './answer.ts';
import type { Answer, Invocation, Limits, Safe, Send } from './types.ts';

export type Log = (invocation: Invocation | undefined, level: string, message: string) => void;

/** Log lines of an invocation, bounded; how many were dropped is the last line. */
export function makeLog(send: Send, limits: Limits): { log: Log; close: (invocation: Invocation) => void } {
  const log: Log = (invocation, level, message) => {
    if (!invocation || invocation.ended) return;
    if (invocation.lines >= limits.logLines || invocation.chars >= limits.logChars) {
      invocation.dropped++;
      return;
    }
    const line = message.length > limits.logLineChars ? `${message.slice(0, limits.logLineChars)}…` : message;
    invocation.lines++;
    invocation.chars += line.length;
    send('log', invocation.id, 0, `${level}:${line}`);
  };
  const close = ({ id, dropped }: Invocation) => {
    if (dropped > 0) send('log', id, 0, `warn:${dropped} more log lines were dropped`);
  };
  return { log, close };
}

export type Ending = {
  readonly fail: (invocation: Invocation, code: string, message: string, stack?: string) => void;
  readonly failWith: (invocation: Invocation, error: unknown) => void;
  /** When the handler has returned. `answer` makes of the result what the host gets; it may throw. */
  readonly finishWith: (invocation: Invocation, value: unknown, answer: (result: unknown) => Answer) => void;
  readonly waitUntil: (invocation: Invocation, work: unknown) => void;
};

type EndingTools = {
  readonly safe: Safe;
  readonly send: Send;
  readonly limits: Limits;
  readonly log: Log;
  readonly close: (invocation: Invocation) => void;
};

/** How an invocation ends for the host, whatever its outcome. */
function makeEnds({ safe, send, limits, close }: Omit<EndingTools, 'log'>) {
  const end = (
    invocation: Invocation,
    op: 'done' | 'fail',
    id: number,
    text: string,
    payload?: string | Uint8Array,
  ) => {
    if (invocation.ended) return;
    close(invocation);
    invocation.ended = true;
    send(op, invocation.id, id, text, payload);
  };
  const fail = (invocation: Invocation, code: string, message: string, stack = '') => {
    const noRetry = invocation.noRetry ? true : undefined;
    end(invocation, 'fail', 0, toJson(safe, { code, message, stack, noRetry }) ?? '{}');
  };
  const describe = (error: unknown) => {
    const { name, message, stack, denied } = safe.describe(error, limits.errorChars);
    return {
      title: name !== '' && message !== '' ? `${name}: ${message}` : `${name}${message}`,
      stack,
      denied,
    };
  };
  const failWith = (invocation: Invocation, error: unknown) => {
    const { title, stack, denied } = describe(error);
    fail(invocation, denied ? 'denied' : 'threw', title, stack);
  };
  const finish = (invocation: Invocation, answer: Answer) => {
    if ('failure' in answer) fail(invocation, answer.failure, answer.message);
    else if ('json' in answer) end(invocation, 'done', doneWith.value, answer.json);
    else if ('jsonAtEnd' in answer) {
      try {
        end(invocation, 'done', doneWith.value, answer.jsonAtEnd());
      } catch (error) {
        failWith(invocation, error);
      }
    } else {
      const head = toJson(safe, answer.response);
      if (head === undefined) fail(invocation, 'threw', 'The head of the response is not JSON');
      else end(invocation, 'done', doneWith.response, head, answer.body);
    }
  };
  return { fail, failWith, finish, describe };
}

/** An invocation ends once: with its first failure, or when the handler and every waitUntil have settled. */
export function makeEnding({ safe, send, limits, log, close }: EndingTools): Ending {
  const { fail, failWith, finish, describe } = makeEnds({ safe, send, limits, close });
  const settle = (invocation: Invocation) => {
    invocation.open--;
    if (invocation.open > 0 || invocation.ended) return;
    const { answer } = invocation;
    if (answer === undefined) fail(invocation, 'threw', 'The handler gave no answer');
    else finish(invocation, answer);
  };
  const finishWith: Ending['finishWith'] = (invocation, value, answer) =>
    safe.whenSettled(
      value,
      (result) => {
        try {
          invocation.answer = answer(result);
        } catch (error) {
          failWith(invocation, error);
          return;
        }
        settle(invocation);
      },
      (error) => failWith(invocation, error),
    );
  /** Whoever sent a request is answered by the handler alone; an event whose work has failed is not done. */
  const workFailed = (invocation: Invocation, error: unknown) => {
    if (!invocation.isRequest) {
      failWith(invocation, error);
      return;
    }
    const { title, stack } = describe(error);
    log(invocation, 'error', `Rejected under waitUntil: ${stack === '' ? title : stack}`);
    if (invocation.failed === undefined) {
      invocation.failed = { error };
      invocation.whenWorkFails?.(error);
    }
    settle(invocation);
  };
  const waitUntil = (invocation: Invocation, work: unknown) => {
    if (invocation.ended) throw new Error('waitUntil after the invocation has ended');
    if (invocation.open > limits.waitUntil)
      throw new Error(`More than ${limits.waitUntil} waitUntil at a time`);
    invocation.open++;
    safe.whenSettled(
      work,
      () => settle(invocation),
      (error) => workFailed(invocation, error),
    );
  };
  return { fail, failWith, finishWith, waitUntil };
}

/** Undefined when the author has bent what JSON asks of objects: an invocation must end all the same. */
function toJson(safe: Safe, value: object): string | undefined {
  try {
    return safe.stringify(value);
  } catch {
    return undefined;
  }
}
