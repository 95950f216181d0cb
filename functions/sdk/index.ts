export type {
  Fetcher,
  Invoker,
  KeyValue,
  Publisher,
  PublishOptions,
  PutOptions,
  QueueSender,
  QueueSendOptions,
  Secret,
  Shadow,
  ShadowChange,
  ShadowDocument,
  ShadowError,
  ShadowRequestOptions,
} from './bindings.ts';
export type {
  FileEvent,
  InvokeEvent,
  Json,
  MessageEvent,
  QueueBatch,
  QueueMessage,
  QueueRetryOptions,
  ScheduledController,
  ScheduledEvent,
} from './events.ts';
export { defineFunction, type Context, type FunctionModule } from './handlers.ts';
export type {
  BinaryMessageEvent,
  LambdaCallback,
  LambdaContext,
  LambdaHandler,
  LambdaTrigger,
} from './lambda.ts';
