import { DataPlane } from '../../agent/data-plane.ts';
import { silentLogger } from '../../lib/logger.ts';
import { FakeRuntime, bundlesOf, machineWith, text, type FakeBundle } from './data-plane.ts';

/**
 * A data plane in a process of its own, to be killed. Its function numbers what comes in: the counter and the published
 * number are one transaction, so numbers without holes or repetitions prove that attempts leave all or nothing.
 */
const [root = '', kind = 'mqtt'] = process.argv.slice(2);
/** Either each message is queued as it comes, or the stream is read behind it, through a queue that is often full. */
const trigger =
  kind === 'stream'
    ? { on: [{ stream: 'raw', from: 'oldest' }], limits: { queue: 7 } }
    : { on: [{ mqtt: 'in/#' }], limits: { queue: 100_000 } };

const runtime = new FakeRuntime({
  counter: async (event, effects) => {
    if (event.kind !== 'message') throw new Error('not a message');
    const stored = await effects.kvGet('counts', 'n');
    const n = Number(text(stored) || '0') + 1;
    await effects.kvPut('counts', 'n', Buffer.from(String(n)));
    await effects.publish({
      topic: 'out/counted',
      payload: Buffer.from(`${n} ${text(event.payload)}`),
      qos: 1,
      retain: false,
    });
  },
});

const mqtt = { host: '127.0.0.1', port: 0 };
const plane = await DataPlane.open<FakeBundle>({ root, mqtt, runtime, logger: silentLogger });
const machine = await machineWith({
  streams: { raw: { topics: ['in/#'], keep: { bytes: '1GiB' } }, counted: { topics: ['out/#'] } },
  functions: { counter: trigger },
});
await plane.configure(machine, bundlesOf(machine));
process.stdout.write(`${plane.mqtt.port}\n`);
