import type { Invocation } from '../../types.ts';
import type { ShapeTools } from '../shape.ts';

export type Callback = (error?: unknown, result?: unknown) => void;

export type LambdaAnswer = {
  /** Of the context: it is the answer at once. */
  readonly done: Callback;
  /** Of the handler: an error is the answer at once, a result when nothing of the invocation is under way. */
  readonly callback: Callback;
  /** What the handler returned, maybe a promise; resolves to the answer. */
  readonly after: (returned: unknown) => Promise<unknown>;
};

export type LambdaAnswerOptions = {
  readonly invocation: Invocation;
  /** The handler has a parameter for it. */
  readonly takesCallback: boolean;
  /** Whether a result given to the callback waits, asked when it is given. */
  readonly waits: () => boolean;
};

/**
 * What a handler answers: by the promise or value that it returns, by its callback, or by the old methods of its context. One that
 * does not say so has answered once nothing of it is under way, as Lambda waits for an empty event loop.
 */
export function lambdaAnswer(
  { whenIdle }: Pick<ShapeTools, 'whenIdle'>,
  { invocation, takesCallback, waits }: LambdaAnswerOptions,
): LambdaAnswer {
  const answer = Promise.withResolvers<unknown>();
  let given: unknown;
  const done: Callback = (error, result) => {
    if (error === null || error === undefined) answer.resolve(result);
    else answer.reject(error);
  };
  let isWaiting = false;
  /** However often: each look takes a timer of the host. */
  const endWhenIdle = () => {
    if (!isWaiting) whenIdle(invocation, () => answer.resolve(given));
    isWaiting = true;
  };
  const callback: Callback = (error, result) => {
    if ((error !== null && error !== undefined) || !waits()) {
      done(error, result);
      return;
    }
    given = result;
    endWhenIdle();
  };
  /** An async handler that has called its callback mostly returns nothing, and may have it among parameters that are not counted. */
  const unlessGiven = async (returned: unknown) => {
    const value = await returned;
    return value === undefined ? given : value;
  };
  const after = (returned: unknown) => {
    const then = (returned as { then?: unknown } | null | undefined)?.then;
    if (typeof then === 'function') answer.resolve(unlessGiven(returned));
    // What a callback handler returns is often an accident, such as the number of a timer.
    else if (returned !== undefined && !takesCallback) answer.resolve(returned);
    else endWhenIdle();
    return answer.promise;
  };
  return { done, callback, after };
}
