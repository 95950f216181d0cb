import { setTimeout as sleep } from 'node:timers/promises';
import { DataPlane } from '../../agent/data-plane.ts';
import { silentLogger } from '../../lib/logger.ts';
import { FakeRuntime, bundlesOf, machineWith, text, type FakeBundle } from './data-plane.ts';

/**
 * A data plane in a process of its own, to be killed. Its function numbers what comes in: the counter and the published
 * number are one transaction, so numbers without holes or repetitions prove that attempts leave all or nothing.
 */
const [root = '', kind = 'mqtt'] = process.argv.slice(2);
/** Each message is queued as it comes, or the stream is read behind it, through a queue that is often full. */
const triggers: Record<string, object> = {
  stream: { on: [{ stream: 'raw', from: 'oldest' }], limits: { queue: 7 } },
  mqtt: { on: [{ mqtt: 'in/#' }], limits: { queue: 100_000 } },
  failing: { on: [{ mqtt: 'in/#' }], limits: { queue: 100_000, concurrency: 8 }, retries: 20 },
};
/** Of this process, for the function that fails with each of its third messages once. */
const failed = new Set<string>();

const runtime = new FakeRuntime({
  counter: async (event, effects) => {
    if (event.kind !== 'message') throw new Error('not a message');
    if (kind === 'failing') {
      await failAtFirst(text(event.payload));
      await effects.publish({ topic: 'out/counted', payload: event.payload, qos: 1, retain: false });
      return;
    }
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
  functions: { counter: triggers[kind] ?? {} },
});
await plane.configure(machine, bundlesOf(machine));
process.stdout.write(`${plane.mqtt.port}\n`);

/** Slower than messages come, so that they wait on disk. */
async function failAtFirst(number: string): Promise<void> {
  await sleep(5);
  if (Number(number) % 3 !== 0 || failed.has(number)) return;
  failed.add(number);
  throw new Error('not now');
}
