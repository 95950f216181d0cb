import type * as aws from 'aws-lambda';
import { expect, test } from '@jest/globals';
import type { LambdaContext, LambdaHandler } from './lambda.ts';

/** The compiler judges the types here: handlers of AWS are handlers of ours, and our context is one of theirs. */
const context: LambdaContext<{ readonly KEY: string }> = {
  awsRequestId: '1',
  callbackWaitsForEmptyEventLoop: true,
  functionName: 'f',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn',
  logGroupName: 'group',
  logStreamName: 'stream',
  memoryLimitInMB: '32',
  getRemainingTimeInMillis: () => 1000,
  done: () => undefined,
  fail: () => undefined,
  succeed: () => undefined,
  env: { KEY: 'secret' },
  invocation: '1',
  trigger: { kind: 'fetch', route: '/x' },
  waitUntil: () => undefined,
};

test('handlers typed with those of AWS are handlers here', async () => {
  const http: aws.APIGatewayProxyHandlerV2 = (event) =>
    Promise.resolve({ statusCode: 200, body: event.rawPath });
  const queue: aws.SQSHandler = ({ Records }) =>
    Promise.resolve({ batchItemFailures: Records.map(({ messageId }) => ({ itemIdentifier: messageId })) });
  const schedule: aws.ScheduledHandler = (_event, { functionName }, callback) =>
    callback(null, functionName as never);
  const ours: [
    LambdaHandler<aws.APIGatewayProxyEventV2, aws.APIGatewayProxyResultV2>,
    LambdaHandler<aws.SQSEvent, aws.SQSBatchResponse>,
    LambdaHandler<aws.ScheduledEvent, void>,
  ] = [http, queue, schedule];
  const answers: unknown[] = [];
  answers.push(await ours[0]({ rawPath: '/x' } as aws.APIGatewayProxyEventV2, context, () => undefined));
  answers.push(await ours[1]({ Records: [{ messageId: 'a' } as aws.SQSRecord] }, context, () => undefined));
  void ours[2]({} as aws.ScheduledEvent, context, (_error, result) => answers.push(result));
  expect(answers).toEqual([
    { statusCode: 200, body: '/x' },
    { batchItemFailures: [{ itemIdentifier: 'a' }] },
    'f',
  ]);
});

test('handlers of ours see their bindings, and may be given to what takes handlers of AWS', async () => {
  const handler: LambdaHandler<{ n: number }, string, { readonly KEY: string }> = (event, { env, trigger }) =>
    Promise.resolve(`${env.KEY} ${event.n} ${trigger.kind}`);
  const theirs = (event: { n: number }, own: aws.Context) =>
    handler(event, own as typeof context, () => undefined);
  expect(await theirs({ n: 1 }, context)).toBe('secret 1 fetch');
});
