export type { KeyValue, Publisher, PublishOptions } from './bindings.ts';
export type { InvokeEvent, MessageEvent, ScheduledEvent } from './events.ts';
export { defineFunction, type Context, type FunctionModule, type LambdaHandler } from './handlers.ts';
