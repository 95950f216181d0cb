import { DataPlane } from '../../agent/data-plane.ts';
import { silentLogger } from '../../lib/logger.ts';
import { FakeRuntime, bundlesOf, machineWith, type FakeBundle } from './data-plane.ts';

/** `broker-child.ts ROOT`: the local broker of a device in a process of its own, to be killed or starved. Says its port. */
const [root = ''] = process.argv.slice(2);
const mqtt = { host: '127.0.0.1', port: 0 };
const plane = await DataPlane.open<FakeBundle>({
  root,
  mqtt,
  runtime: new FakeRuntime(),
  logger: silentLogger,
});
const anything = { publish: ['#'], subscribe: ['#'], session: { messages: 100_000, bytes: '256MiB' } };
const machine = await machineWith({
  streams: { all: { topics: ['in/#'], keep: { bytes: '1GiB' } } },
  clients: { sensor: anything, display: anything },
});
await plane.configure(machine, bundlesOf(machine));
process.stdout.write(`${plane.mqtt.port}\n`);
