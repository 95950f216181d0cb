import { expect, test } from '@jest/globals';
import type { FunctionResponse } from '../../functions/index.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { bundlesOf, eventually, machineWith, openDevice } from '../support/data-plane.ts';
import { plain, say, echo, seenIn, urlOf, oneFunction, secretsOf } from '../support/gateway.ts';
import { send } from '../support/http.ts';

test('a local route is not for other names, nor for pages of other sites', async () => {
  await using device = await oneFunction(say('hi'));
  const ask = (headers: Record<string, string>) => send(urlOf(device), { method: 'POST', headers });
  expect((await ask({ host: 'evil.example' })).status).toBe(403);
  expect((await ask({ origin: 'https://evil.example' })).status).toBe(403);
  expect((await ask({ 'x-forwarded-for': '203.0.113.9' })).status).toBe(200);
  await using open = await oneFunction(say('hi'), { auth: 'public' });
  expect(
    (await send(urlOf(open), { headers: { host: 'evil.example', origin: 'https://evil.example' } })).text,
  ).toBe('hi');
});

test('a token opens a bearer route, is not shown to the function, and may be set later', async () => {
  const secrets = secretsOf({});
  const events: LogEvent[] = [];
  await using device = await openDevice(
    { functions: { f: { on: [{ http: '/*', auth: { bearer: 'api-token' } }] } } },
    { handlers: { f: echo }, secrets, logger: createLogger((event) => events.push(event)) },
  );
  const ask = (token?: string) =>
    send(urlOf(device), { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  const notReady = await ask('s3cret');
  expect(notReady.status).toBe(503);
  expect(notReady.text).not.toContain('api-token');
  expect(device.plane.status().http?.routes[0]?.problem).toContain('api-token');
  expect(device.plane.components()['functions.f']).toMatchObject({ state: 'waiting' });

  secrets.set('api-token', 's3cret');
  await eventually(() => device.plane.components()['functions.f']?.state === 'running');
  const { status, text } = await ask('s3cret');
  expect(status).toBe(200);
  expect(seenIn(text).headers.map(([name]) => name)).not.toContain('authorization');
  expect(await ask('S3cret')).toMatchObject({
    status: 401,
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  });
  expect((await ask()).status).toBe(401);
  expect(JSON.stringify(events)).not.toMatch(/s3cret/i);
});

test('wrong tokens of one address are slowed down', async () => {
  await using device = await openDevice(
    { functions: { f: { on: [{ http: '/*', auth: { bearer: 'api-token' } }] } } },
    { handlers: { f: echo }, secrets: secretsOf({ 'api-token': 's3cret' }) },
  );
  const statuses: number[] = [];
  for (let n = 0; n < 12; n++)
    statuses.push((await send(urlOf(device), { headers: { authorization: `Bearer ${n}` } })).status);
  expect(statuses.filter((status) => status === 401).length).toBeLessThan(12);
  expect(statuses.at(-1)).toBe(429);
});

test('more requests than the rate are told when to come again, also after a new generation', async () => {
  const functions = { f: { on: [{ http: '/*', rate: '2/h' }] } };
  await using device = await openDevice({ functions }, { handlers: { f: say('hi') } });
  const statuses: number[] = [];
  for (let n = 0; n < 3; n++) statuses.push((await send(urlOf(device))).status);
  expect(statuses).toEqual([200, 200, 429]);
  const machine = await machineWith({ functions, streams: { more: { topics: ['a'] } } });
  await device.plane.configure(machine, bundlesOf(machine));
  const refused = await send(urlOf(device));
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(60);
});

test('requests beyond the queue of a function are refused at once, and those in it are served', async () => {
  const gate = Promise.withResolvers<FunctionResponse>();
  await using device = await oneFunction(() => gate.promise, {}, { limits: { concurrency: 1, queue: 1 } });
  const waiting = [send(urlOf(device)), send(urlOf(device))];
  await eventually(() => device.plane.status().http?.inFlight === 2);
  const refused = await send(urlOf(device));
  expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  gate.resolve(plain('hi'));
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
});
