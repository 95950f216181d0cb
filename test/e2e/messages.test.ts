import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { hashPassword } from '../../lib/password.ts';
import { spawnCli, type CliResult } from '../support/cli.ts';
import { connectTo, eventually, password } from '../support/data-plane.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(180_000);

/** A real cloud and a real agent: what an operator sees of the messages of a device. */

const device = worldDevice;
let world: World;

const cli = (...parameters: string[]) => world.cli(...parameters);

function linesOf({ code, stdout, stderr }: CliResult): Record<string, unknown>[] {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const messages = async (...parameters: string[]) =>
  linesOf(await cli('messages', device, '--json', ...parameters));

async function publish(topic: string, ...payloads: (string | Buffer)[]): Promise<void> {
  const { port } = world.agent?.ready.mqtt as { port: number };
  await using link = await connectTo(port);
  for (const payload of payloads) await link.client.publishAsync(topic, payload, { qos: 1 });
}

beforeAll(async () => {
  world = await World.open();
  await world.deployMachine({
    streams: { site: { topics: ['site/#'], relay: {} }, doors: { topics: ['doors/#'], relay: {} } },
    clients: { sensor: { password: await hashPassword(password), publish: ['#'] } },
  });
});

afterAll(() => world[Symbol.asyncDispose]());

test('messages are found by stream, topic and time, and shown a line each', async () => {
  await publish('site/roof', '{"t":1}', 'a\u001b[2J');
  await publish('site/cellar', Buffer.of(0xff, 0));
  await publish('doors/front', 'x'.repeat(300));
  await eventually(async () => (await messages('--topic', 'doors/#')).length === 1);
  let all: Record<string, unknown>[] = [];
  await eventually(async () => (all = await messages('--stream', 'site')).length === 3);
  expect(all).toMatchObject([
    { device, stream: 'site', seq: 1, topic: 'site/roof', payload: btoa('{"t":1}') },
    { seq: 2 },
    { seq: 3, topic: 'site/cellar', payload: '/wA=' },
  ]);
  const times = all.map(({ time }) => String(time));
  expect(await messages('--topic', 'site/roof')).toEqual(all.slice(0, 2));
  expect(await messages('--stream', 'site', '--since', times[2]!)).toContainEqual(all[2]);
  expect(await messages('--stream', 'site', '--until', times[0]!)).toContainEqual(all[0]);
  expect(await messages('--topic', 'site/+', '--since', '-1h', '--limit', '1')).toEqual([all[0]]);
  expect(await messages('--stream', 'site', '--after', String(all[1]?.id))).toEqual([all[2]]);
  expect(await messages('--stream', 'site', '--until', '2026-01-01')).toEqual([]);

  const { stdout } = await cli('messages', '--stream', 'site');
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    `${times[0]} ${device} site/1 site/roof {"t":1}`,
    `${times[1]} ${device} site/2 site/roof a [2J`,
    `${times[2]} ${device} site/3 site/cellar (2 bytes that are no text)`,
  ]);
  const long = await cli('messages', device, '--stream', 'doors');
  expect(long.stdout).toMatch(/ doors\/1 doors\/front x{200}… \(300 bytes\)\n$/);
});

test('what asks for nothing that there can be is refused, with where to look', async () => {
  const [filter, time, name, nobody] = await Promise.all([
    cli('messages', device, '--topic', 'a/#/b'),
    cli('messages', device, '--since', 'yesterday'),
    cli('messages', 'Kiosk 1'),
    cli('messages', 'nobody'),
  ]);
  const keep = ['cloud', 'retention', 'set', device, 'site'];
  expect((await cli(...keep, '--keep-messages', '0')).code).toBe(2);
  expect((await cli(...keep, '--keep-bytes', '0B')).code).toBe(2);
  const none = await cli('messages', device, '--stream', 'none');
  expect([none.code, none.stdout, none.stderr]).toEqual([
    ...[0, '', expect.stringContaining(`holdfast cloud retention list ${device}`)],
  ]);
  expect([filter.code, time.code, name.code, nobody.code]).toEqual([2, 2, 2, 4]);
  expect(filter.stderr).toContain('an MQTT topic filter');
  expect(time.stderr).toContain('Give a time such as');
});

test('a follower prints what arrives, and Ctrl-C ends it with 130 and leaves no process', async () => {
  const follower = spawnCli(['messages', device, '--topic', 'site/late', '-f', '--json'], world.env);
  const ended = once(follower, 'close');
  const heard: string[] = [];
  createInterface({ input: follower.stdout! }).on('line', (line) => {
    const said = JSON.parse(line) as { payload?: string; error?: { code: string } };
    heard.push(said.error?.code ?? atob(said.payload ?? ''));
  });
  for (const payload of ['one', 'two', 'three']) {
    await publish('site/late', payload);
    await eventually(() => heard.at(-1) === payload);
  }
  follower.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(heard).toEqual(['one', 'two', 'three', 'interrupted']);
  expect(() => process.kill(follower.pid!, 0)).toThrow('ESRCH');
});

test('the log of a device comes from the cloud as the device prints it', async () => {
  const logs = async (...parameters: string[]) =>
    linesOf(await cli('logs', '--json', '-n', '1000', ...parameters));
  let there: Record<string, unknown>[] = [];
  await eventually(async () => {
    there = await logs('--device', device);
    return there.some(({ event }) => event === 'reconcile.committed');
  });
  const here = await logs('--root', world.root);
  const committed = ({ event }: Record<string, unknown>) => event === 'reconcile.committed';
  expect(there.find(committed)).toEqual(here.find(committed));
  expect(linesOf(await cli('logs', '--device', device, '-n', '1', '--json'))).toHaveLength(1);
  expect(await logs('--device', device, '--function', 'none')).toEqual([]);

  const follower = spawnCli(['logs', '--device', device, '-f'], world.env);
  const ended = once(follower, 'close');
  await once(follower.stdout!, 'data');
  follower.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
});

test('a rule of retention takes effect: the cloud lets go, says so, and keeps what other streams have', async () => {
  const set = await cli('cloud', 'retention', 'set', device, 'site', '--keep-messages', '1s');
  expect(set).toMatchObject({ code: 0, stdout: `${device}/site: kept for 1s.\n` });
  await eventually(async () => {
    const { code, stdout } = await cli('messages', device, '--stream', 'site', '--json');
    return code === 0 && stdout === '';
  });
  const gone = await cli('messages', device, '--stream', 'site');
  expect(gone.stderr).toBe('6 messages were removed by retention; nothing is kept.\n');
  expect(await messages('--stream', 'doors')).toHaveLength(1);
  const table = await cli('cloud', 'retention', 'list', device);
  expect(table.stdout).toMatch(/^kiosk-1 +site +0 +0 B +6 +kept for 1s$/m);
  const listed = JSON.parse((await cli('cloud', 'retention', '--json')).stdout) as { streams: unknown[] };
  expect(listed.streams).toMatchObject([{ device, stream: 'site', keep: { keepMs: 1000, keepBytes: null } }]);

  expect(await cli('cloud', 'retention', 'reset', device, 'site')).toMatchObject({ code: 0 });
  await publish('site/roof', 'kept');
  await eventually(async () => (await messages('--stream', 'site')).length === 1);
  expect(await cli('cloud', 'retention', 'reset', device, 'site')).toMatchObject({ code: 4 });
  expect(await cli('cloud', 'retention', 'set', 'nobody', 'site', '--keep-bytes', '1GiB')).toMatchObject({
    code: 4,
  });
});

test('who reads of an agent that is killed is told so', async () => {
  const root = world.root;
  const reader = spawnCli(['stream', 'tail', 'observability', '-f', '--root', root], world.env);
  const ended = once(reader, 'close');
  const errors: string[] = [];
  reader.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  await once(reader.stdout!, 'data');
  expect(await world.agent?.stop('SIGKILL')).toBeNull();
  expect(await ended).toEqual([4, null]);
  expect(errors.join('')).toContain(`The agent on ${root} went away`);
});
