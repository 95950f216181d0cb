import { expect, test } from '@jest/globals';
import { DataPlane } from '../../agent/data-plane.ts';
import { silentLogger } from '../../lib/logger.ts';
import {
  FakeCloud,
  FakeRuntime,
  bundlesOf,
  connectTo,
  eventually,
  machineWith,
  temporaryFolder,
  text,
  type FakeBundle,
  type Handler,
  type Sections,
} from '../support/data-plane.ts';

type Running = AsyncDisposable & {
  readonly plane: DataPlane<FakeBundle>;
  readonly runtime: FakeRuntime;
  readonly root: string;
};

async function running(
  sections: Sections,
  { handlers = {}, root: given }: { handlers?: Record<string, Handler>; root?: string } = {},
): Promise<Running> {
  const resources = new AsyncDisposableStack();
  const root = given ?? resources.use(await temporaryFolder()).path;
  const runtime = new FakeRuntime(handlers);
  const mqtt = { host: '127.0.0.1', port: 0 };
  const plane = resources.use(
    await DataPlane.open<FakeBundle>({ root, mqtt, runtime, logger: silentLogger }),
  );
  const machine = await machineWith(sections);
  await plane.configure(machine, bundlesOf(machine));
  return { plane, runtime, root, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

const telemetry = { telemetry: { topics: ['site/#'], relay: {} } };

test('a message of a client passes a function, lands in a stream and reaches the cloud', async () => {
  const toUpper: Handler = (event, effects) => {
    if (event.kind !== 'message') throw new Error('not a message');
    const payload = Buffer.from(text(event.payload).toUpperCase());
    return effects.publish({ topic: 'site/loud', payload, qos: 1, retain: false });
  };
  await using device = await running(
    { streams: telemetry, functions: { upper: { on: [{ mqtt: 'in/+' }] } } },
    { handlers: { upper: toUpper } },
  );
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  await using sensor = await connectTo(device.plane.mqtt.port);
  const heard: string[] = [];
  sensor.client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await sensor.client.subscribeAsync('site/#', { qos: 1 });
  await sensor.client.publishAsync('in/a', 'one', { qos: 1 });
  await sensor.client.publishAsync('in/b', 'two', { qos: 1 });
  await eventually(() => cloud.rows('telemetry').length === 2 && heard.length === 2);
  expect(cloud.rows('telemetry').map((row) => ('payload' in row ? text(row.payload) : row))).toEqual([
    'ONE',
    'TWO',
  ]);
  expect(heard).toEqual(['site/loud ONE', 'site/loud TWO']);
  await eventually(() => device.plane.status().streams['telemetry']?.backlog === 0);
  expect(device.plane.status().functions['upper']).toEqual({ queued: 0, inFlight: 0, deadLetters: 0 });
  expect(device.plane.components()['functions.upper']?.state).toBe('running');
});
