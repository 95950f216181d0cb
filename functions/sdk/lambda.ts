/** The context of a Lambda handler: that of AWS, and `env`, `invocation`, `trigger` and `waitUntil`, which are ours. */
export type LambdaContext<Env = unknown> = {
  readonly awsRequestId: string;
  /**
   * True, the default: a result given to the callback is the answer once no call and no timer of the invocation is under way. False:
   * at once, and nothing that is under way goes on but what is under `waitUntil`.
   */
  callbackWaitsForEmptyEventLoop: boolean;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  readonly memoryLimitInMB: string;
  /** Milliseconds of wall clock left before the invocation is stopped. */
  getRemainingTimeInMillis(): number;
  /** The old ways to answer. */
  done(error?: Error | null, result?: unknown): void;
  fail(error: Error | string): void;
  succeed(result?: unknown): void;
  /** The bindings. */
  readonly env: Env;
  /** The id under which logs of this invocation are kept. */
  readonly invocation: string;
  readonly trigger: LambdaTrigger;
  waitUntil(work: Promise<unknown>): void;
};

/** What started the invocation and is not in every event. */
export type LambdaTrigger =
  | { readonly kind: 'message'; readonly topic: string; readonly time: string; readonly contentType?: string }
  | { readonly kind: 'scheduled'; readonly cron: string }
  | { readonly kind: 'queue'; readonly queue: string }
  | { readonly kind: 'fetch'; readonly route: string }
  | { readonly kind: 'file'; readonly volume: string }
  | { readonly kind: 'invoke' };

/** A message whose payload is no JSON; JSON is the event itself, as a rule of AWS IoT gives it. */
export type BinaryMessageEvent = {
  readonly topic: string;
  /** Base64 */
  readonly payload: string;
  readonly isBase64Encoded: true;
  readonly contentType?: string;
  readonly time: string;
};

export type LambdaCallback<Result = unknown> = (
  error?: Error | string | null,
  // As the handlers of AWS that may answer nothing have it.
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type
  result?: Result | void,
) => void;

/**
 * `export const handler: LambdaHandler<SQSEvent, SQSBatchResponse> = async (event, context) => …`, or with a callback as third
 * parameter. The types of `@types/aws-lambda` fit: APIGatewayProxyEventV2, ScheduledEvent and SQSEvent for http, cron and queue
 * triggers; FileEvent for volumes; for mqtt what the payload holds, or BinaryMessageEvent; for `invoke` the payload.
 */
export type LambdaHandler<Event = unknown, Result = unknown, Env = unknown> = (
  event: Event,
  context: LambdaContext<Env>,
  callback: LambdaCallback<Result>,
  // A handler that answers by its callback returns nothing.
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type
) => Promise<Result | void> | Result | void;
