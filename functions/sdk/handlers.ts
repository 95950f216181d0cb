import type { FileEvent, MessageEvent, QueueBatch, ScheduledController } from './events.ts';

/** Given to every handler of a module. */
export type Context<Env = unknown> = {
  /** The id under which logs of this invocation are kept. */
  readonly invocation: string;
  readonly functionName: string;
  /** The bindings, as in the second argument. */
  readonly env: Env;
  /**
   * The invocation ends when the handler and all of these have settled. One that rejects is logged when a request is answered, and
   * fails every other event.
   */
  waitUntil(work: Promise<unknown>): void;
  /** Has no effect: there is no origin behind the function. */
  passThroughOnException(): void;
  /** Milliseconds of wall clock left before the invocation is stopped. */
  getRemainingTimeInMillis(): number;
};

/** `export default { … } satisfies FunctionModule<Env>`: one handler for each kind of trigger. */
export type FunctionModule<Env = unknown> = {
  /** `mqtt` */
  message?(event: MessageEvent, env: Env, context: Context<Env>): unknown;
  /** `cron` */
  scheduled?(controller: ScheduledController, env: Env, context: Context<Env>): unknown;
  /** `http`. The body of the response is sent when it is complete; `limits.result` bounds it. */
  fetch?(request: Request, env: Env, context: Context<Env>): Response | Promise<Response>;
  /** `queue` */
  queue?(batch: QueueBatch, env: Env, context: Context<Env>): unknown;
  /** `volume` */
  file?(event: FileEvent, env: Env, context: Context<Env>): unknown;
  /** `holdfast invoke` and the binding `invoke`: what it returns is the answer, as JSON. */
  invoke?(payload: unknown, env: Env, context: Context<Env>): unknown;
};

/** Types a module without a cast: `export default defineFunction<Env>({ message(event, env) { … } })`. */
export function defineFunction<Env = unknown>(module: FunctionModule<Env>): FunctionModule<Env> {
  return module;
}
