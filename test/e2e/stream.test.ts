import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, jest, test } from '@jest/globals';
import { ControlClient } from '../../agent/control/client.ts';
import { controlSocketPath } from '../../agent/control/protocol.ts';
import { startControlServer } from '../../agent/control/server.ts';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { runCli, type CliResult } from '../support/cli.ts';
import { noApps, noGenerations, noVault } from '../support/function-desk.ts';
import {
  bundlesOf,
  connectTo,
  eventually,
  machineWith,
  openDevice,
  password,
  temporaryFolder,
  text,
  type Device,
  type Handler,
} from '../support/data-plane.ts';

jest.setTimeout(300_000);

const run = promisify(execFile);

const streams = {
  weather: { topics: ['site/#'], keep: { bytes: '16MiB' }, consumers: ['reports'] },
  again: { topics: ['again/#'] },
};

async function follow({ plane }: Device, sections: object): Promise<void> {
  const machine = await machineWith(sections);
  await plane.configure(machine, bundlesOf(machine));
}

/** A data plane behind a control socket: all of the agent that these commands talk to. */
async function openAgent(
  reader: Handler = () => undefined,
  { root, follows = true }: { readonly root?: string; readonly follows?: boolean } = {},
): Promise<Device> {
  const stack = new AsyncDisposableStack();
  const sections = {
    streams,
    functions: { reader: { on: [{ stream: 'weather', from: 'oldest' }], limits: { queue: 3 } } },
  };
  const options = { handlers: { reader }, ...(root !== undefined && { root }) };
  const device = stack.use(await openDevice(follows ? sections : undefined, options));
  stack.use(
    await startControlServer({
      path: controlSocketPath(device.root),
      status: () => {
        throw new Error('not here');
      },
      functions: device.plane.functions,
      streams: device.plane.streams,
      vault: noVault,
      apps: noApps,
      generations: noGenerations,
      secrets: { store: await SecretStore.open(device.root), uses: () => new Map() },
      invoke: () => Promise.reject(new Error('not here')),
      plan: () => Promise.reject(new Error('not here')),
      metrics: { snapshot: () => [], text: () => '' },
      logs: { recent: () => [], follow: () => () => undefined },
    }),
  );
  return { ...device, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function publish(device: Device, topic: string, message: string): Promise<void> {
  const to = ['-h', '127.0.0.1', '-p', String(device.plane.mqtt.port), '-u', 'sensor', '-P', password];
  await run('mosquitto_pub', [...to, '-q', '1', '-t', topic, '-m', message]);
}

const cliFor =
  (device: Device) =>
  (...parameters: string[]): Promise<CliResult> =>
    runCli(['stream', ...parameters, '--root', device.root]);

const linesOf = ({ stdout }: CliResult): Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('messages of an MQTT client are listed, printed, exported and replayed', async () => {
  const seen: string[] = [];
  await using device = await openAgent((event) => {
    if (event.kind === 'message') seen.push(text(event.payload));
  });
  const cli = cliFor(device);
  for (const [topic, message] of [
    ['site/roof', '{"t":1}'],
    ['site/roof', 'a "b", c'],
    ['site/cellar', 'third'],
  ] as const)
    await publish(device, topic, message);
  await eventually(() => seen.length === 3);

  const [listed, table] = await Promise.all([cli('ls', '--json'), cli('ls')]);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    streams: [
      {
        ...{ name: 'weather', messages: 3, first: 1, last: 3, backlog: null },
        consumers: [
          { name: 'reports', seq: 0, lag: 3, missed: null },
          { name: 'function:reader', seq: 3, lag: 0, missed: 0 },
        ],
      },
      { name: 'again', messages: 0, first: null, last: 0 },
    ],
  });
  expect(table.stdout).toMatch(/^weather +3 +\d+ B +1–3 .* reports \(3\), function:reader \(0\)$/m);

  const tail = await cli('tail', 'weather', '-n', '2', '--json');
  expect(linesOf(tail)).toMatchObject([
    { seq: 2, topic: 'site/roof', encoding: 'utf-8', payload: 'a "b", c' },
    { seq: 3, topic: 'site/cellar', payload: 'third' },
  ]);
  const filtered = await cli('tail', 'weather', '-n', '1', '--topic', 'site/roof');
  expect(filtered.stdout).toMatch(/^\S+Z 2 site\/roof a "b", c\n$/);

  const file = join(device.root, 'weather.csv');
  const exported = await cli('export', 'weather', '--format', 'csv', '-o', file);
  expect([exported.code, exported.stderr]).toEqual([0, `Exported 3 records of weather to ${file}.\n`]);
  expect((await readFile(file, 'utf8')).split('\r\n')).toEqual([
    'seq,time,topic,contentType,key,encoding,payload,gapCount,gapReason',
    expect.stringMatching(/^1,\S+Z,site\/roof,,,utf-8,"{""t"":1}",,$/),
    expect.stringMatching(/^2,\S+Z,site\/roof,,,utf-8,"a ""b"", c",,$/),
    expect.stringMatching(/^3,\S+Z,site\/cellar,,,utf-8,third,,$/),
    '',
  ]);
  expect((await readdir(device.root)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(linesOf(await cli('export', 'weather', '--from', '2', '--until', '2'))).toMatchObject([{ seq: 2 }]);

  const printed = await cli('replay', 'weather', '--from', '-1h', '--until', '1', '--json');
  expect(linesOf(printed)).toMatchObject([{ seq: 1, payload: '{"t":1}' }]);
  const queued = await cli('replay', 'weather', '--from', '2', '--function', 'reader');
  expect(queued.stdout).toBe('Replayed 2.\n');
  await eventually(() => seen.length === 5);
  expect(seen.slice(3)).toEqual(['a "b", c', 'third']);
  await using listener = await connectTo(device.plane.mqtt.port);
  const heard: string[] = [];
  listener.client.on('message', (topic, payload) => heard.push(`${topic} ${text(payload)}`));
  await listener.client.subscribeAsync('again/#', { qos: 1 });
  const published = await cli(
    'replay',
    'weather',
    '--from',
    'oldest',
    '--publish',
    'again/',
    '--rate',
    '50/s',
  );
  expect(published.stdout).toBe('Replayed 3.\n');
  await eventually(() => heard.length === 3);
  expect(heard[2]).toBe('again/site/cellar third');
  expect(linesOf(await cli('tail', 'again', '--json'))).toMatchObject([
    { seq: 1, topic: 'again/site/roof' },
    { seq: 2 },
    { seq: 3, topic: 'again/site/cellar', payload: 'third' },
  ]);
});

test('what a stream holds that left the manifest is shown, read, and dropped when somebody says so', async () => {
  await using device = await openAgent();
  const cli = cliFor(device);
  for (const message of ['one', 'two', 'three']) await publish(device, 'site/a', message);
  const refused = await cli('rm', 'weather', '--yes');
  expect([refused.code, refused.stderr]).toEqual([
    8,
    expect.stringMatching(
      /^error: weather is in the manifest of this device\.\nhint: Take it out of the manifest/,
    ),
  ]);

  await follow(device, { streams: { again: streams.again } });
  const [listed, table, tail] = await Promise.all([cli('ls', '--json'), cli('ls'), cli('tail', 'weather')]);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    streams: [
      { name: 'again', removed: false },
      { name: 'weather', removed: true, messages: 3, first: 1, last: 3, consumers: [] },
    ],
  });
  expect(table.stdout).toMatch(/^weather +3 .* not in the manifest: holdfast stream rm weather$/m);
  expect(tail.stdout).toMatch(/ three\n$/);

  const unasked = await cli('rm', 'weather');
  expect([unasked.code, unasked.stderr.split('\n')[0]]).toEqual([
    2,
    expect.stringMatching(/^weather holds 3 messages, /),
  ]);
  const dropped = await cli('rm', 'weather', '--yes');
  expect([dropped.code, dropped.stdout]).toEqual([0, 'Dropped 3 messages of weather.\n']);
  expect((await cli('ls')).stdout).not.toContain('weather');
  expect((await cli('rm', 'weather', '--yes')).code).toBe(4);

  await follow(device, { streams });
  await publish(device, 'site/a', 'four');
  expect(linesOf(await cli('tail', 'weather', '--json'))).toMatchObject([{ seq: 4, payload: 'four' }]);
});

test('no stream is said to have left a manifest that could not be read yet, nor dropped', async () => {
  await using folder = await temporaryFolder();
  const cli = (...parameters: string[]) => runCli(['stream', ...parameters, '--root', folder.path]);
  {
    await using before = await openAgent(undefined, { root: folder.path });
    await publish(before, 'site/a', 'one');
  }
  await using device = await openAgent(undefined, { root: folder.path, follows: false });
  const [listed, table, refused] = [
    await cli('ls', '--json'),
    await cli('ls'),
    // Before it asks: without --yes and a terminal it could not.
    await cli('rm', 'weather'),
  ];
  expect(JSON.parse(listed.stdout)).toMatchObject({ streams: [{ name: 'weather', removed: null }] });
  expect(table.stdout).toMatch(/no manifest is followed yet: holdfast logs$/m);
  expect([refused.code, refused.stderr]).toEqual([
    8,
    expect.stringMatching(
      /^error: Whether the manifest has the stream weather is not known: none is followed yet/,
    ),
  ]);
  await follow(device, { streams });
  expect(linesOf(await cli('tail', 'weather', '--json'))).toMatchObject([{ seq: 1, payload: 'one' }]);
});

test('a consumer reads behind its cursor, moves it, and is put back', async () => {
  await using device = await openAgent();
  const cli = cliFor(device);
  for (const message of ['one', 'two', 'three']) await publish(device, 'site/a', message);
  const read = (...more: string[]) => cli('tail', 'weather', '--consumer', 'reports', '--json', ...more);
  expect(linesOf(await read('--commit', '-n', '2')).map(({ payload }) => payload)).toEqual(['one', 'two']);
  expect(linesOf(await read()).map(({ payload }) => payload)).toEqual(['three']);
  const back = await cli('replay', 'weather', '--from', '1', '--consumer', 'reports');
  expect([back.stderr, back.stdout]).toEqual([
    'Consumer reports of weather: next offset 3 → 1.\n',
    'Done.\n',
  ]);
  expect(linesOf(await read('--commit'))).toHaveLength(3);
  expect((await read()).stdout).toBe('');
});

test('what is not there is said with the nearest name, and what contradicts itself is refused', async () => {
  await using device = await openAgent();
  const cli = cliFor(device);
  const missing = join(device.root, 'none', 'weather.csv');
  const [typo, consumer, two, rate, noFunction, prefix, noFolder, noConsumer] = await Promise.all([
    cli('tail', 'wether'),
    cli('tail', 'weather', '--consumer', 'report'),
    cli('replay', 'weather', '--from', '1', '--consumer', 'reports', '--function', 'reader'),
    cli('replay', 'weather', '--from', '1', '--rate', '5/s'),
    cli('replay', 'again', '--from', 'x'),
    cli('replay', 'weather', '--from', '1', '--publish', 'again/#'),
    cli('export', 'weather', '-o', missing),
    cli('replay', 'weather', '--from', '1', '--consumer', 'nobody'),
  ]);
  const empty = await cli('replay', 'weather', '--from', 'oldest');
  expect(empty).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/^weather holds no/) });
  expect([typo.code, typo.stderr]).toEqual([
    4,
    'error: There is no stream wether on this device.\nhint: Did you mean weather?\n',
  ]);
  expect([consumer.code, consumer.stderr]).toEqual([4, expect.stringContaining('Did you mean reports?')]);
  expect([two.code, rate.code, noFunction.code, prefix.code]).toEqual([2, 2, 2, 2]);
  expect([noFolder.code, noFolder.stderr]).toEqual([4, expect.stringContaining(`Cannot write ${missing}`)]);
  expect([noConsumer.code, noConsumer.stderr]).toEqual([4, expect.stringMatching(/^error: The stream/)]);
});

test('over the control socket, records follow, and a replay to a full queue waits until its caller goes', async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<undefined>();
  await using device = await openAgent(() => held);
  const client = ControlClient.forRoot(device.root);
  await using _ = client;
  const stop = new AbortController();
  const found: string[] = [];
  const following = (async () => {
    for await (const line of client.streams.records('weather', { follow: true }, stop.signal))
      found.push(Buffer.from(line.payload ?? '', 'base64').toString());
  })();
  for (const message of ['1', '2', '3', '4', '5']) await publish(device, 'site/a', message);
  await eventually(() => found.length === 5);
  expect(found).toEqual(['1', '2', '3', '4', '5']);

  // Three of five wait in the queue of the function: there is no room.
  await eventually(() => device.plane.status().functions.reader?.queued === 3);
  const request = { from: 1, until: 5, function: 'reader' };
  const steps = client.streams.replay('weather', request, stop.signal);
  const first = steps.next();
  stop.abort();
  await Promise.all([following, first]);
  expect(device.plane.status().functions.reader?.queued).toBe(3);
  release(undefined);
  await eventually(() => device.plane.status().functions.reader?.queued === 0);

  const counted = [];
  for await (const step of client.streams.replay('weather', request, new AbortController().signal))
    counted.push(step);
  expect(counted.at(-1)).toEqual({ seq: 5, done: 5, skipped: 0 });
  const place = client.streams.advance('weather', 'nobody', 3);
  await expect(place).rejects.toMatchObject({ code: 'refused', cause: { code: 'unknownConsumer' } });
  await expect(
    client.streams.replay('weather', { ...request, function: 'nobody' }, new AbortController().signal).next(),
  ).rejects.toMatchObject({ cause: { code: 'unknownFunction' } });
});
