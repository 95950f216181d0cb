import { expect, jest, test } from '@jest/globals';
import { createLogger } from '../../lib/logger.ts';
import { connectTo, eventually, openDevice } from '../support/data-plane.ts';
import { heapInUse } from '../support/heap-in-use.ts';
import { connectPacket, RawMqtt } from '../support/raw-mqtt.ts';

jest.setTimeout(120_000);

const anything = { publish: ['#'], subscribe: ['#'] };
const clients = { sensor: anything, display: { ...anything, session: { messages: 50, bytes: '1GiB' } } };

/** Subscribes to everything and reads nothing any more. */
async function frozen(port: number, { qos, clean }: { qos: 0 | 1; clean: boolean }): Promise<RawMqtt> {
  const raw = await RawMqtt.connect(port);
  raw.send(connectPacket({ username: 'display', clientId: 'frozen', clean }));
  await raw.next('connack');
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'in/#', qos }] } as never);
  await raw.next('suback');
  raw.stream.pause();
  return raw;
}

test.each([
  ['of QoS 0 are dropped and counted', { qos: 0, clean: true }],
  ['of QoS 1 are bounded', { qos: 1, clean: true }],
  ['wait in its session', { qos: 1, clean: false }],
] as const)(
  'messages for a subscriber that has stopped reading %s; others get all of theirs',
  async (_what, how) => {
    const dropped: unknown[] = [];
    const logger = createLogger(
      (event) => event.event === 'mqtt.messages.dropped' && dropped.push(event.messages),
    );
    await using device = await openDevice({ clients }, { logger });
    const { port } = device.plane.mqtt;
    await using raw = await frozen(port, how);
    await using reader = await connectTo(port, { clientId: 'reader' });
    await reader.client.subscribeAsync('in/#', { qos: 1 });
    let heard = 0;
    reader.client.on('message', () => heard++);
    const before = await heapInUse();
    await using sensor = await connectTo(port, { clientId: 'sensor' });
    const payload = Buffer.alloc(100_000, 'x');
    let most = 0;
    // 100 MB.
    for (let n = 0; n < 1000; n += 20) {
      await Promise.all(
        Array.from({ length: 20 }, () => sensor.client.publishAsync('in/a', payload, { qos: 1 })),
      );
      await eventually(() => heard >= n);
      // Long enough to count as stalled, before so much waits that it is let go for that.
      if (n === 40) await new Promise((resolve) => setTimeout(resolve, 1500));
      if (n % 200 === 180) most = Math.max(most, (await heapInUse()) - before);
    }
    await eventually(() => heard === 1000);
    expect(most).toBeLessThan(40 * 2 ** 20);
    if (!how.clean) expect(device.plane.status().sessions[0]).toMatchObject({ messages: 50, dropped: 950 });
    // It is let go, and another one with its id comes in.
    await eventually(() => device.plane.status().clients === 2 || !how.clean);
    if (how.qos === 0) expect(Number(dropped[0])).toBeGreaterThan(0);
    expect(raw.packets.length).toBeLessThan(1000);
  },
);
