export type { KeyValue, Publisher, PublishOptions } from './bindings.ts';
export type { InvokeEvent, Json, MessageEvent, ScheduledEvent } from './events.ts';
export {
  defineFunction,
  type Context,
  type FunctionModule,
  type LambdaEvent,
  type LambdaHandler,
} from './handlers.ts';
