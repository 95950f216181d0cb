import type { Delivery, ShapeTools } from '../shape.ts';
import type { Callback } from './callback.ts';
import { arnOf } from './names.ts';

/** The context object of Lambda; `invocation`, `env`, `trigger` and `waitUntil` are ours. */
export function lambdaContext(
  { setup, waitUntil, now }: ShapeTools,
  { header, invocation, env }: Delivery,
  done: Callback,
): Readonly<Record<string, unknown>> {
  const { name } = setup;
  return {
    awsRequestId: invocation.label,
    callbackWaitsForEmptyEventLoop: true,
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: arnOf('lambda', `function:${name}`),
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: invocation.label,
    memoryLimitInMB: `${setup.memoryMb}`,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - now()),
    done,
    succeed: (result: unknown) => done(null, result),
    fail: (error: unknown) => done(error ?? new Error('The handler called context.fail()')),
    invocation: invocation.label,
    env,
    trigger: triggerOf(header),
    waitUntil: (work: unknown) => waitUntil(invocation, work),
  };
}

/** What started the invocation and is not in every event, such as the topic of a message. */
function triggerOf(header: Delivery['header']): object {
  switch (header.kind) {
    case 'message': {
      const { kind, topic, time, contentType } = header;
      return { kind, topic, time, ...(contentType === undefined ? {} : { contentType }) };
    }
    case 'scheduled':
      return { kind: header.kind, cron: header.cron };
    case 'queue':
      return { kind: header.kind, queue: header.queue };
    case 'fetch':
      return { kind: header.kind, route: header.route };
    case 'file':
      return { kind: header.kind, volume: header.volume };
    case 'invoke':
      return { kind: header.kind };
    default:
      return header satisfies never;
  }
}
