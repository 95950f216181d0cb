import type { APIGatewayProxyEventV2, Context, EventBridgeEvent, ScheduledEvent, SQSEvent } from 'aws-lambda';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';
import { ask, batchOf, deliver } from '../support/shape-events.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

/** What the handler sees of an event, by the log: the answer is something else for HTTP and queues. */
async function seen<T>(run: () => Promise<unknown>): Promise<T> {
  sandbox.logs.length = 0;
  await run();
  return JSON.parse(sandbox.logs[0]!.message) as T;
}

const message = (payload: string | Uint8Array, contentType?: string) =>
  ({
    ...{ kind: 'message' as const, topic: 'a/b', time: '2026-01-02T03:04:05.678Z' },
    ...{ payload: typeof payload === 'string' ? Buffer.from(payload) : payload, contentType },
  }) as const;

describe('a Lambda handler gets events as AWS gives them', () => {
  beforeAll(async () => {
    await sandbox.deploy(
      'log',
      'export const handler = async (event) => { console.log(JSON.stringify(event)); };',
    );
  });

  test('HTTP as API Gateway with payload format 2.0', async () => {
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': 'me/1',
      'X-Forwarded-For': '10.0.0.1, 192.168.1.7',
      Cookie: 'a=1; b=2',
    };
    const asked = { method: 'POST', headers, body: '{"ü":1}', route: '/api/*' };
    const event = await seen<APIGatewayProxyEventV2>(() =>
      ask(sandbox, 'log', '/api/x/y%20z?a=1&b=ü&a=2', asked),
    );
    const { requestContext, ...rest } = event;
    expect(rest).toEqual({
      version: '2.0',
      routeKey: 'ANY /api/{proxy+}',
      rawPath: '/api/x/y%20z',
      rawQueryString: 'a=1&b=ü&a=2',
      cookies: ['a=1', 'b=2'],
      headers: {
        'content-type': 'application/json',
        cookie: 'a=1; b=2',
        'user-agent': 'me/1',
        'x-forwarded-for': '10.0.0.1, 192.168.1.7',
      },
      queryStringParameters: { a: '1,2', b: 'ü' },
      pathParameters: { proxy: 'x/y%20z' },
      body: '{"ü":1}',
      isBase64Encoded: false,
    } satisfies Omit<APIGatewayProxyEventV2, 'requestContext'>);
    expect(requestContext).toEqual({
      accountId: '000000000000',
      apiId: 'holdfast',
      domainName: 'device.local:8080',
      domainPrefix: 'device',
      http: {
        method: 'POST',
        path: '/api/x/y%20z',
        protocol: 'HTTP/1.1',
        sourceIp: '192.168.1.7',
        userAgent: 'me/1',
      },
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as never,
      routeKey: 'ANY /api/{proxy+}',
      stage: '$default',
      time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/) as never,
      timeEpoch: expect.any(Number) as never,
    } satisfies APIGatewayProxyEventV2['requestContext']);
  });

  test('the rest of a path behind a route that is escaped in it', async () => {
    const event = await seen(() => ask(sandbox, 'log', '/a%20b/c/d', { route: '/a b/*' }));
    expect(event).toMatchObject({ pathParameters: { proxy: 'c/d' } });
    const none = await seen<object>(() => ask(sandbox, 'log', '/a%20b/', { route: '/a b/*' }));
    expect(Object.keys(none)).not.toContain('pathParameters');
  });

  test('bodies that are not text in base64, and none', async () => {
    const body = new Uint8Array([0, 255, 1, 2]);
    const binary = await seen(() => ask(sandbox, 'log', '/', { method: 'POST', body }));
    expect(binary).toMatchObject({ body: 'AP8BAg==', isBase64Encoded: true, rawQueryString: '' });
    const none = await seen<object>(() => ask(sandbox, 'log', '/x', { route: '/x' }));
    expect(none).toMatchObject({ routeKey: 'ANY /x', isBase64Encoded: false });
    expect(Object.keys(none)).not.toEqual(expect.arrayContaining(['body']));
  });

  test('cron as a scheduled event of EventBridge', async () => {
    const event = {
      kind: 'scheduled',
      cron: '*/5 * * * *',
      scheduledTime: '2026-01-02T03:05:00.000Z',
    } as const;
    const got = await seen<ScheduledEvent>(() => deliver(sandbox, 'log', event));
    expect(got).toEqual({
      version: '0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as never,
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '000000000000',
      time: '2026-01-02T03:05:00Z',
      region: 'local',
      resources: ['arn:aws:events:local:000000000000:rule/*/5 * * * *'],
      detail: {},
    } satisfies EventBridgeEvent<'Scheduled Event', object>);
  });

  test('queues as SQS, with the MD5 of each body', async () => {
    const batch = batchOf(
      { body: '{"a":1}', contentType: 'application/json', attempts: 2 },
      { body: new Uint8Array([255, 0]), contentType: 'image/png' },
      { body: 'x'.repeat(1000), contentType: 'text/plain' },
    );
    const { Records } = await seen<SQSEvent>(() => deliver(sandbox, 'log', batch));
    expect(Records[0]).toEqual({
      messageId: '0',
      receiptHandle: '0',
      body: '{"a":1}',
      attributes: {
        ApproximateReceiveCount: '2',
        SentTimestamp: '1767323045678',
        SenderId: 'orders',
        ApproximateFirstReceiveTimestamp: '1767323045678',
      },
      messageAttributes: {
        contentType: {
          stringValue: 'application/json',
          dataType: 'String',
          stringListValues: [],
          binaryListValues: [],
        },
      },
      md5OfBody: createHash('md5').update('{"a":1}').digest('hex'),
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:local:000000000000:orders',
      awsRegion: 'local',
    } satisfies SQSEvent['Records'][number]);
    expect(Records[1]!.body).toBe('/wA=');
    const digests = Records.map(({ body }) => createHash('md5').update(body).digest('hex'));
    expect(Records.map(({ md5OfBody }) => md5OfBody)).toEqual(digests);
  });

  test('messages as an IoT rule: the JSON itself, or the bytes in base64', async () => {
    expect(await seen(() => deliver(sandbox, 'log', message('{"t":21.5}')))).toEqual({ t: 21.5 });
    expect(await seen(() => deliver(sandbox, 'log', message('21.5', 'text/plain')))).toBe(21.5);
    expect(await seen(() => deliver(sandbox, 'log', message(new Uint8Array([255, 1]), 'x/y')))).toEqual({
      topic: 'a/b',
      payload: '/wE=',
      isBase64Encoded: true,
      contentType: 'x/y',
      time: '2026-01-02T03:04:05.678Z',
    });
  });

  test('files of a volume as a module gets them', async () => {
    const file = {
      kind: 'file',
      volume: 'in',
      path: 'a',
      change: 'deleted',
      time: '2026-01-02T03:04:05Z',
    } as const;
    const { kind: type, ...rest } = file;
    expect(await seen(() => deliver(sandbox, 'log', file))).toEqual({ type, ...rest });
  });
});

describe('a Lambda handler answers HTTP', () => {
  const answer = async (result: string) => {
    await sandbox.deploy('answer', `export const handler = async () => (${result});`);
    return ask(sandbox, 'answer', '/');
  };

  test.each<[string, string, unknown]>([
    [
      'status, headers, cookies and body',
      `{ statusCode: 201, headers: { 'X-A': 'b', n: 1, none: undefined }, cookies: ['a=1', 'b=2'], body: 'ü' }`,
      { status: 201, headers: { 'x-a': 'b', n: '1', 'set-cookie': ['a=1', 'b=2'] }, text: 'ü' },
    ],
    [
      'base64',
      `{ statusCode: 200, body: 'w7w=', isBase64Encoded: true }`,
      { status: 200, headers: {}, text: 'ü' },
    ],
    ['no body', `{ statusCode: '204' }`, { status: 204, headers: {}, text: '' }],
    [
      'headers of several values',
      `{ statusCode: 200, multiValueHeaders: { 'x-a': ['1', '2'] }, body: '' }`,
      { status: 200, headers: { 'x-a': '1, 2' }, text: '' },
    ],
    [
      'any object',
      `{ a: 1 }`,
      { status: 200, headers: { 'content-type': 'application/json' }, text: '{"a":1}' },
    ],
    ['a string', `'hello'`, { status: 200, headers: { 'content-type': 'application/json' }, text: 'hello' }],
    ['nothing', 'undefined', { status: 200, headers: { 'content-type': 'application/json' }, text: 'null' }],
  ])('with %s', async (_what, result, expected) => {
    const { bytes, ...rest } = await answer(result);
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect(rest).toEqual(expected);
  });

  test.each([
    ['a status that is none', `{ statusCode: 'x' }`, /statusCode "x"/],
    ['a body that is no string', `{ statusCode: 200, body: { a: 1 } }`, /JSON\.stringify/],
    ['a header that breaks its line', `{ statusCode: 200, headers: { a: 'x\\ny' } }`, /header a/],
  ])('and is told of %s', async (_what, result, expected) => {
    const message = expect.stringMatching(expected) as never;
    await expect(answer(result)).rejects.toMatchObject({ code: 'threw', message });
  });
});

describe('a Lambda handler answers a batch', () => {
  const retried = async (result: string) => {
    await sandbox.deploy('partial', `export const handler = async () => (${result});`);
    return (await deliver(sandbox, 'partial', batchOf({ body: '1' }, { body: '2' }))).queue;
  };

  test.each([
    ['nothing', 'undefined', []],
    ['null', 'null', []],
    ['an empty object', '{}', []],
    ['no list', '{ batchItemFailures: null }', []],
    [
      'one message',
      `{ batchItemFailures: [{ itemIdentifier: '1' }, { itemIdentifier: '1' }] }`,
      [{ id: '1' }],
    ],
  ])('%s', async (_what, result, retry) => {
    expect(await retried(result)).toEqual({ retry });
  });

  test.each([
    ['an unknown message', `{ batchItemFailures: [{ itemIdentifier: 'x' }] }`],
    ['an empty name', `{ batchItemFailures: [{ itemIdentifier: '' }] }`],
    ['a wrong key', `{ batchItemFailures: [{ id: '0' }] }`],
    ['no list', `{ batchItemFailures: 'all' }`],
  ])('%s fails all of it, as with AWS', async (_what, result) => {
    await expect(retried(result)).rejects.toMatchObject({ code: 'threw' });
  });
});

describe('a Lambda handler', () => {
  const run = async (code: string, payload: unknown = { n: 1 }) => {
    await sandbox.deploy('style', code);
    return sandbox.invoke('style', payload);
  };

  test.each([
    ['a promise', 'export const handler = async (event) => event.n + 1;', 2],
    ['a value', 'export const handler = (event) => event.n + 1;', 2],
    [
      'a callback',
      'export const handler = (event, context, callback) => { callback(null, event.n + 1); };',
      2,
    ],
    [
      'a callback later, whatever it returns',
      'export const handler = (event, context, callback) => setTimeout(() => callback(null, event.n + 1), 5);',
      2,
    ],
    [
      'a callback in an async handler',
      'export const handler = async (event, context, callback) => { callback(null, event.n + 1); };',
      2,
    ],
    [
      'the promise of a handler that called its callback too',
      'export const handler = async (event, context, callback) => { callback(null, 1); return 2; };',
      2,
    ],
    [
      'the last of two callbacks',
      'export const handler = (event, context, callback) => { callback(null, 1); setTimeout(() => callback(null, 2), 5); };',
      2,
    ],
    [
      'context.succeed',
      'export const handler = (event, context) => { setTimeout(() => context.succeed(event.n + 1), 5); };',
      2,
    ],
    ['context.done', 'export const handler = (event, context) => { context.done(null, event.n + 1); };', 2],
    [
      'nothing, once nothing is under way',
      'export const handler = (event, context, callback) => { setTimeout(() => {}, 20); };',
      undefined,
    ],
    ['a default export with a handler', 'export default { handler: async (event) => event.n + 1 };', 2],
  ])('answers by %s', async (_what, code, expected) => {
    expect(await run(code)).toBe(expected);
  });

  test.each([
    ['done', '', ['later', 'latest']],
    ['cut off when it shall not be waited for', 'context.callbackWaitsForEmptyEventLoop = false;', []],
  ])('what it goes on with after its callback is %s', async (_what, before, expected) => {
    await sandbox.deploy(
      'goes-on',
      `export const handler = (event, context, callback) => {
        ${before}
        callback(null, 'answered');
        setTimeout(async () => { await context.env.OUT.publish('later'); setTimeout(() => context.env.OUT.publish('latest'), 1); }, 5);
      };`,
      { bindings: { OUT: { publish: 'out' } } },
    );
    const at = sandbox.effects.published.length;
    expect(await sandbox.invoke('goes-on')).toBe('answered');
    expect(sandbox.effects.published.slice(at).map(({ text }) => text)).toEqual(expected);
  });

  test('may be called often, and keeps its timers', async () => {
    const code = `export const handler = (event, context, callback) => {
      for (let at = 0; at < 300; at += 1) callback(null, at);
      let left = 200;
      for (let at = 0; at < 200; at += 1) setTimeout(() => { left -= 1; if (left === 0) context.env.OUT.publish('all'); }, 1);
    };`;
    await sandbox.deploy('once', code, { bindings: { OUT: { publish: 'out' } } });
    expect(await sandbox.invoke('once')).toBe(299);
    expect(sandbox.effects.published.at(-1)?.text).toBe('all');
  });

  test.each([
    'async (...args) => args[2](null, 5)',
    'async (event, context = {}, callback) => callback(null, 5)',
  ])('is the answer also of %s', async (handler) => {
    expect(await run(`export const handler = ${handler};`)).toBe(5);
  });

  test.each([
    ['a throw', 'export const handler = () => { throw new Error("no"); };'],
    ['a rejection', 'export const handler = async () => { throw new Error("no"); };'],
    ['its callback', 'export const handler = (event, context, callback) => { callback(new Error("no")); };'],
    ['a string to its callback', 'export const handler = (event, context, callback) => { callback("no"); };'],
    ['context.fail', 'export const handler = (event, context) => { context.fail(new Error("no")); };'],
    ['context.done', 'export const handler = (event, context) => { context.done(new Error("no")); };'],
  ])('fails by %s', async (_what, code) => {
    const message = expect.stringMatching(/: no$|: "no"$/) as never;
    await expect(run(code)).rejects.toMatchObject({ code: 'threw', message });
  });

  test('has the context of Lambda', async () => {
    await sandbox.deploy(
      'context',
      `export const handler = async (event, context) => {
        context.callbackWaitsForEmptyEventLoop = false;
        const left = context.getRemainingTimeInMillis();
        return { ...context, left: left > 0 && left <= 30000, types: ['done', 'fail', 'succeed', 'waitUntil'].map((name) => typeof context[name]) };
      };`,
      { limits: { memory: '48MiB' } },
    );
    const { value } = await deliver(sandbox, 'context', message('1'));
    const { awsRequestId, ...context } = value as Context & { trigger: unknown };
    expect(awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(context).toEqual({
      callbackWaitsForEmptyEventLoop: false,
      functionName: 'context',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:lambda:local:000000000000:function:context',
      logGroupName: '/aws/lambda/context',
      logStreamName: awsRequestId,
      memoryLimitInMB: '48',
      invocation: awsRequestId,
      env: {},
      trigger: { kind: 'message', topic: 'a/b', time: '2026-01-02T03:04:05.678Z' },
      left: true,
      types: Array.from({ length: 4 }, () => 'function'),
    });
  });

  test('takes every trigger', async () => {
    const on = [{ mqtt: 'a' }, { cron: '* * * * *' }, { http: '/' }, { queue: 'q' }, { volume: 'v' }];
    await sandbox.deploy('all', 'export const handler = async () => 1;', { on });
    expect(await sandbox.invoke('all')).toBe(1);
  });
});
