import type { Invocation } from '../../types.ts';
import type { ShapeTools } from '../shape.ts';

export type Callback = (error?: unknown, result?: unknown) => void;

/**
 * What a handler answers: by the promise or value that it returns, by its callback, or by the old methods of its context. One that
 * does not say so has answered once nothing of it is under way, as Lambda waits for an empty event loop.
 */
export function settleByCallback(
  { whenIdle }: Pick<ShapeTools, 'whenIdle'>,
  { invocation, takesCallback }: { readonly invocation: Invocation; readonly takesCallback: boolean },
  run: (callback: Callback) => unknown,
): Promise<unknown> {
  const answer = Promise.withResolvers<unknown>();
  const callback: Callback = (error, result) => {
    if (error === null || error === undefined) answer.resolve(result);
    else answer.reject(error);
  };
  const returned = run(callback);
  const then = (returned as { then?: unknown } | null | undefined)?.then;
  // What a callback handler returns is often an accident, such as the number of a timer.
  if (typeof then === 'function' || (returned !== undefined && !takesCallback)) answer.resolve(returned);
  else whenIdle(invocation, () => answer.resolve(undefined));
  return answer.promise;
}
