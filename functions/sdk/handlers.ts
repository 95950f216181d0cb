import type { InvokeEvent, MessageEvent, ScheduledEvent } from './events.ts';

/** Given to every handler. The names of Workers and of Lambda are both there. */
export type Context<Env = unknown> = {
  /** The id under which logs of this invocation are kept. */
  readonly invocation: string;
  /** The invocation ends when the handler and all of these have settled. */
  waitUntil(work: Promise<unknown>): void;
  /** The bindings, for Lambda handlers; modules get them as their second argument. */
  readonly env: Env;
  readonly functionName: string;
  readonly awsRequestId: string;
  readonly memoryLimitInMB: string;
  /** Milliseconds of wall clock left before the invocation is stopped. */
  getRemainingTimeInMillis(): number;
};

/** `export default { … } satisfies FunctionModule<Env>`: one handler for each kind of trigger. */
export type FunctionModule<Env = unknown> = {
  message?(event: MessageEvent, env: Env, context: Context<Env>): unknown;
  scheduled?(event: ScheduledEvent, env: Env, context: Context<Env>): unknown;
  /** `holdfast invoke`: what it returns is the answer, as JSON of at most 1 MiB. */
  invoke?(payload: unknown, env: Env, context: Context<Env>): unknown;
};

/** A MessageEvent, a ScheduledEvent, or the payload of `holdfast invoke` as it is. */
export type LambdaEvent = MessageEvent | ScheduledEvent | InvokeEvent;

/** `export const handler: LambdaHandler = async (event, context) => …`, or with a callback as third parameter. */
export type LambdaHandler<Event extends LambdaEvent = LambdaEvent, Env = unknown> = (
  event: Event,
  context: Context<Env>,
  callback: (error: unknown, result?: unknown) => void,
) => unknown;

/** Types a module without a cast: `export default defineFunction<Env>({ message(event, env) { … } })`. */
export function defineFunction<Env = unknown>(module: FunctionModule<Env>): FunctionModule<Env> {
  return module;
}
