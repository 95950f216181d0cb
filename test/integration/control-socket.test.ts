import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ControlClient } from '../../agent/control/client.ts';
import { LogJournal } from '../../agent/control/log-journal.ts';
import { controlSocketPath, type Status } from '../../agent/control/protocol.ts';
import { startControlServer } from '../../agent/control/server.ts';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { AgentError } from '../../agent/errors.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import type { LogEvent } from '../../lib/logger.ts';
import {
  FakeDesk,
  noApps,
  noGenerations,
  noIsolations,
  noStreams,
  noVault,
} from '../support/function-desk.ts';

const status: Status = {
  version: '0.0.0',
  device: 'device',
  tenant: 'default',
  root: '/',
  pid: 1,
  hostPids: [],
  sandbox: 'bwrap',
  started: '2026-01-01T00:00:00.000Z',
  cloud: {
    url: 'https://localhost',
    mqtt: 'mqtts://localhost',
    connected: false,
    since: null,
    lastError: null,
  },
  desired: null,
  applied: null,
  phase: null,
  conditions: [],
  components: {},
  mqtt: { host: '127.0.0.1', port: 1883 },
  http: null,
  listeners: {},
  ca: null,
  sessions: [],
  bridges: {},
  relayProblem: null,
  apps: {},
  isolations: noIsolations,
  exports: { folder: '/bin', programs: [] },
  streams: {},
  functions: {},
};

let root: string;
let stack: AsyncDisposableStack;
let journal: LogJournal;
let desk: FakeDesk;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-control-'));
  stack = new AsyncDisposableStack();
  desk = new FakeDesk();
  stack.defer(() => rm(root, { recursive: true, force: true }));
  journal = stack.use(await LogJournal.open({ folder: join(root, 'logs') }));
});
afterEach(() => stack.disposeAsync());

async function serve(): Promise<ControlClient> {
  stack.use(
    await startControlServer({
      path: controlSocketPath(root),
      status: () => status,
      invoke: (name, payload) =>
        name === 'echo'
          ? Promise.resolve(payload)
          : Promise.reject(new AgentError('unknownFunction', `There is no function ${name}`)),
      functions: desk,
      streams: noStreams,
      vault: noVault,
      apps: noApps,
      generations: noGenerations,
      secrets: { store: await SecretStore.open(root), uses: () => new Map([['shop-token', ['shop']]]) },
      plan: () => Promise.reject(new AgentError('badInput', 'not a manifest', { hint: 'Resolve it first.' })),
      metrics: { snapshot: () => [], text: () => '' },
      logs: { recent: (query) => journal.recent(query), follow: (listener) => journal.follow(listener) },
    }),
  );
  return stack.use(ControlClient.forRoot(root));
}

const line = (event: string, fields: Record<string, unknown> = {}): LogEvent => ({
  time: '2026-01-01T00:00:00.000Z',
  level: 'info',
  event,
  ...fields,
});

test('answers status and invocations over a socket that only its user may open', async () => {
  const client = await serve();
  expect(await client.status()).toEqual(status);
  expect(await client.invoke('echo', { a: [1, 'ü'] })).toEqual({ a: [1, 'ü'] });
  expect((await stat(controlSocketPath(root))).mode & 0o777).toBe(0o600);
});

test("gives the agent's own words and hint when it refuses", async () => {
  const client = await serve();
  await expect(client.invoke('nobody', null)).rejects.toMatchObject({
    message: 'There is no function nobody',
  });
  await expect(client.plan('{}')).rejects.toMatchObject({
    message: 'not a manifest',
    hint: 'Resolve it first.',
  });
});

test('refuses what is too large, not JSON or not of the protocol, and goes on', async () => {
  const client = await serve();
  await expect(client.plan('x'.repeat(5 * 2 ** 20))).rejects.toMatchObject({
    message: 'The body is larger than 4194304 bytes',
  });
  await expect(client.invoke('%'.repeat(64), null)).rejects.toMatchObject({ cause: { code: 'badRequest' } });

  await using http = createHttpsClient({ socketPath: controlSocketPath(root) });
  const json = { 'content-type': 'application/json' };
  const path = '/v1/functions/echo/invocations';
  const cases = [
    [404, { url: '/v1/nothing' }],
    [404, { method: 'DELETE', url: '/v1/status' }],
    [400, { url: '/v1/logs?lines=-1' }],
    [422, { method: 'POST', url: '/v1/plan', headers: json, body: '{}' }],
    [415, { method: 'POST', url: path, body: '{}' }],
    [400, { method: 'POST', url: path, headers: json, body: '{' }],
    [400, { method: 'POST', url: path, headers: json, body: '{"payload":{"__proto__":1}}' }],
    [400, { method: 'POST', url: path, headers: json, body: '{"payload":1,"more":2}' }],
    [400, { method: 'POST', url: '/v1/functions/%ff/invocations', headers: json, body: '{"payload":1}' }],
    [404, { method: 'POST', url: '/v1/functions/echo/dead-letters', headers: json, body: '{}' }],
    [404, { url: '/v1/functions/echo/toString' }],
    [415, { method: 'POST', url: '/v1/functions/echo/pause', body: '{}' }],
    [400, { method: 'POST', url: '/v1/functions/echo/pause', headers: json, body: '{"reason":""}' }],
    [400, { method: 'POST', url: '/v1/functions/%ff/resume', headers: json, body: '{}' }],
    [400, { url: '/v1/functions/echo/dead-letters?after=-1' }],
  ] as const;
  for (const [status, request] of cases) {
    const answer = await http.request({ ...request, url: `http://agent${request.url}` });
    const problem = JSON.parse(Buffer.from(await answer.bytes(10_000)).toString()) as { code: string };
    expect([answer.status, request.url]).toEqual([status, request.url]);
    expect(problem.code).toBe(status === 422 ? 'badInput' : 'badRequest');
  }
  expect((await client.status()).device).toBe('device');
});

test('lets an operator pause a function and look after its dead letters', async () => {
  const client = await serve();
  await client.pauseFunction('echo', 'repairs');
  await client.resumeFunction('echo');
  await expect(client.pauseFunction('nobody')).rejects.toMatchObject({ code: 'refused' });
  const found: unknown[] = [];
  for await (const letter of client.deadLetters('echo')) found.push(letter);
  const letter = { kind: 'message', topic: 't', payload: 'eA==', attempts: 5 };
  expect(found).toMatchObject([
    { id: 1, ...letter, died: '1970-01-01T00:00:01.000Z' },
    { id: 2, ...letter },
  ]);
  expect(await client.redeliver('echo', [7])).toEqual({ count: 1, left: 1 });
  expect(await client.discard('echo', undefined)).toEqual({ count: 2, left: 1 });
  expect(desk.asked).toEqual([
    ['pause', 'echo', 'repairs'],
    ['resume', 'echo'],
    ['pause', 'nobody', 'by the operator'],
    ['redeliver', 'echo', [7]],
    ['discard', 'echo', undefined],
  ]);
});

test('sets, lists and removes secrets, and never tells a value', async () => {
  const client = await serve();
  expect(await client.secrets()).toEqual({
    secrets: [{ name: 'shop-token', set: null, usedBy: ['shop'] }],
  });
  expect(await client.setSecret('shop-token', 'sesame')).toEqual({ usedBy: ['shop'] });
  expect(await client.setSecret('alone', 'x')).toEqual({ usedBy: [] });
  const listed = await client.secrets();
  expect(listed.secrets).toMatchObject([
    { name: 'alone', usedBy: [] },
    { name: 'shop-token', usedBy: ['shop'] },
  ]);
  expect(JSON.stringify(listed)).not.toContain('sesame');
  expect(await client.removeSecret('alone')).toEqual({ usedBy: [] });
  await expect(client.removeSecret('alone')).rejects.toMatchObject({
    code: 'refused',
    cause: { code: 'unknownSecret' },
  });
});

test.each(['..', '../identity', 'UPPER', 'a%2Fb'])('refuses the name %j of a secret', async (name) => {
  const client = await serve();
  await expect(client.setSecret(name, 'x')).rejects.toThrow(AgentError);
  expect(await client.secrets()).toMatchObject({ secrets: [{ name: 'shop-token', set: null }] });
});

test('tells an invocation that its caller has left', async () => {
  const left = Promise.withResolvers<true>();
  const called = Promise.withResolvers<true>();
  stack.use(
    await startControlServer({
      path: controlSocketPath(root),
      status: () => status,
      invoke: (_name, _payload, signal) => {
        called.resolve(true);
        signal.addEventListener('abort', () => left.resolve(true));
        return new Promise(() => undefined);
      },
      functions: desk,
      streams: noStreams,
      vault: noVault,
      apps: noApps,
      generations: noGenerations,
      secrets: { store: await SecretStore.open(root), uses: () => new Map([['shop-token', ['shop']]]) },
      plan: () => Promise.reject(new AgentError('badInput', 'not a manifest')),
      metrics: { snapshot: () => [], text: () => '' },
      logs: { recent: (query) => journal.recent(query), follow: (listener) => journal.follow(listener) },
    }),
  );
  const client = stack.use(ControlClient.forRoot(root));
  const leaving = new AbortController();
  const call = client.invoke('slow', null, leaving.signal).catch(() => 'left');
  await called.promise;
  leaving.abort();
  expect([await left.promise, await call]).toEqual([true, 'left']);
});

test('says that no agent is running, with or without a dead socket in the way', async () => {
  await using client = ControlClient.forRoot(root);
  await expect(client.status()).rejects.toMatchObject({ code: 'agentNotRunning' });
  await writeFile(controlSocketPath(root), '');
  await expect(client.status()).rejects.toMatchObject({ code: 'agentNotRunning' });
});

test('takes the place of a dead socket', async () => {
  await writeFile(controlSocketPath(root), '');
  const client = await serve();
  expect((await client.status()).device).toBe('device');
});

test('follows the log of one function until the reader leaves', async () => {
  const client = await serve();
  journal.write(line('function.log', { function: 'a', message: 'before' }));
  journal.write(line('function.log', { function: 'b', message: 'other' }));
  const reading = new AbortController();
  const messages: unknown[] = [];
  for await (const event of client.logs({ follow: true, function: 'a', lines: 10 }, reading.signal)) {
    messages.push(event.message);
    if (messages.length === 1) {
      journal.write(line('function.log', { function: 'b', message: 'other' }));
      journal.write(line('function.log', { function: 'a', message: 'after' }));
    } else reading.abort();
  }
  expect(messages).toEqual(['before', 'after']);
});

test('falls back to a short socket path when the root is a deep folder', () => {
  const deep = `/${'d'.repeat(120)}`;
  expect(controlSocketPath(deep, 'linux').length).toBeLessThan(104);
  expect(controlSocketPath('/r', 'linux')).toBe('/r/control.sock');
  expect(controlSocketPath('/r', 'win32')).toMatch(/^\\\\\.\\pipe\\holdfast-/);
});

test('keeps logs on disk within bounds', async () => {
  const folder = join(root, 'small');
  {
    await using small = await LogJournal.open({ folder, maxFileBytes: 500, keep: 2 });
    for (let index = 0; index < 6; index++) {
      small.write(line(`event.${index}`, { text: 'x'.repeat(400) }));
      await small[Symbol.asyncDispose]();
    }
  }
  const sizes = await Promise.all(
    ['agent.jsonl', 'agent.jsonl.1', 'agent.jsonl.2'].map((name) =>
      stat(join(folder, name)).then(({ size }) => size),
    ),
  );
  expect(Math.max(...sizes)).toBeLessThan(2000);
  await expect(stat(join(folder, 'agent.jsonl.3'))).rejects.toThrow();
});

/** An agent that answers every request so. */
async function serveOther(status: number, answer: object): Promise<ControlClient> {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await once(server.listen(controlSocketPath(root)), 'listening');
  stack.defer(() => void server.close());
  return stack.use(ControlClient.forRoot(root));
}

const otherVersion = {
  code: 'unsupported',
  message: expect.stringContaining(`is of another version than this command`),
  hint: expect.stringMatching(/^Restart the agent/),
};
const { signal } = new AbortController();

test('an answer that lacks what this version expects is told as what it is: of an agent of another version', async () => {
  const client = await serveOther(200, { streams: [{ name: 'weather', messages: 1 }] });
  await expect(client.streams.list(signal)).rejects.toMatchObject(otherVersion);
  await expect(client.streams.list(signal)).rejects.toThrow(/streams\.0\.bytes/);
});

test('the same of a line of an answer in lines', async () => {
  const client = await serveOther(200, { ticks: 1 });
  const records = client.streams.records('weather', {}, signal);
  await expect(records.next()).rejects.toMatchObject(otherVersion);
});

test('the same of an agent that does not know the request at all', async () => {
  const problem = { code: 'badRequest', message: 'There is no DELETE /v1/streams/weather' };
  const client = await serveOther(404, problem);
  await expect(client.streams.remove('weather', signal)).rejects.toMatchObject(otherVersion);
});
