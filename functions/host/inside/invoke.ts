import type { Ending } from './ending.ts';
import { makeEnv } from './env.ts';
import { newInvocation } from './new-invocation.ts';
import type { InvokeHeader } from './ops.ts';
import type { Shape } from './shapes/shape.ts';
import type { Call, Invocation, Payload, Safe, Setup, Tell, Text } from './types.ts';

type InvokeTools = {
  readonly safe: Safe;
  readonly text: Text;
  readonly setup: Setup;
  readonly ending: Ending;
  readonly call: Call;
  readonly tell: Tell;
  readonly now: () => number;
};

/** Calls the handler with the event, the env of this invocation and its context. */
export function makeInvoke({ safe, text, setup, ending, call, tell, now }: InvokeTools) {
  const envTools = { safe, text, call, tell, limits: setup.limits };
  const noHandler = (kind: string, names: readonly string[]) =>
    `There is no handler for ${kind}; the bundle has ${names.length > 0 ? names.join(', ') : 'none'}`;

  return (
    id: number,
    { event, label, timeoutMs }: InvokeHeader,
    payload: Payload,
    shape: Shape | undefined,
    begin: (invocation: Invocation) => void,
  ): void => {
    const isRequest = event.kind === 'fetch';
    const invocation = newInvocation({ id, label, deadline: now() + timeoutMs, isRequest });
    begin(invocation);
    try {
      const env = makeEnv(envTools, setup, invocation);
      const started = shape?.start({ header: event, payload, invocation, env });
      if (started) ending.finishWith(invocation, started.value, started.answer);
      else ending.fail(invocation, 'noHandler', noHandler(event.kind, shape?.names ?? []));
    } catch (error) {
      ending.failWith(invocation, error);
    }
  };
}
