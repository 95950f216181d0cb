import { Socket } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import mqtt from 'mqtt-packet';
import {
  batchOf,
  eventually,
  json,
  manifestFor,
  online,
  openLink,
  packBatch,
  packJson,
  report,
  startCloud,
  subscribe,
} from '../support/cloud.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

describe('the broker', () => {
  test('tells a device what is desired when it subscribes, also after a restart', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await cloud.operator.deploy('a', manifestFor('a'));
    await cloud.restart();
    await using link = await subscribe(await device.connect());
    expect(json(await link.next(link.topics.desired))).toMatchObject({ generation: 1 });
  });

  test('acknowledges a report once it is stored, and answers an older one with the newest number', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    await link.send(link.topics.reported, report(5), { retain: true });
    expect(json(await link.next(link.topics.reportedAck))).toEqual({ seq: 5 });
    await link.send(link.topics.reported, report(4), { retain: true });
    expect(json(await link.next(link.topics.reportedAck))).toEqual({ seq: 5 });
    await expect(cloud.operator.device('a')).resolves.toMatchObject({ reported: { seq: 5 } });
  });

  test('holds back no answer until what it said before is confirmed', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    using setNoDelay = jest.spyOn(Socket.prototype, 'setNoDelay');
    await using _link = await device.connect();
    const port = Number(new URL(device.identity.mqtt).port);
    const sockets = setNoDelay.mock.contexts as Socket[];
    expect(sockets.map(({ localPort }) => localPort)).toEqual([port]);
    expect(setNoDelay).toHaveBeenCalledWith(true);
  });

  test('marks a device offline by its last will, and not by that of an older session', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    const isOnline = async () => (await cloud.operator.device('a')).online?.online;
    const open = async (session: number) => {
      const payload = Buffer.from(JSON.stringify(online(session, false)));
      const link = await device.connect();
      await link[Symbol.asyncDispose]();
      return device.connect({
        will: { topic: link.topics.online, payload, qos: 1, retain: true },
      });
    };
    const first = await open(1);
    await first.send(first.topics.online, online(1), { retain: true });
    expect(await isOnline()).toBe(true);
    first.client.stream.destroy();
    await eventually(async () => (await isOnline()) === false);

    const second = await open(2);
    await second.send(second.topics.online, online(2), { retain: true });
    await second.send(second.topics.online, online(1, false), { retain: true });
    expect(await isOnline()).toBe(true);
    await second[Symbol.asyncDispose]();
  });

  test('knows nobody to be online after it was restarted', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await device.connect();
    await link.send(link.topics.online, online(1), { retain: true });
    await cloud.restart();
    await expect(cloud.operator.device('a')).resolves.toMatchObject({
      online: { online: false, session: 1 },
    });
  });

  test.each(['b', '+', '#', '$SYS', '__proto__', '../x'])(
    'refuses a device that connects with the client id %s',
    async (clientId) => {
      await using cloud = await startCloud();
      await cloud.enrol('b');
      await using device = await cloud.enrol('a');
      await expect(device.connect({ clientId })).rejects.toMatchObject({ code: 2 });
    },
  );

  test('lets a device say and hear nothing of another', async () => {
    await using cloud = await startCloud();
    await using other = await cloud.enrol('b');
    await using device = await cloud.enrol('a');
    const foreign = (await other.connect()).topics;
    await using link = await device.connect();
    for (const filter of [foreign.desired, '#', 'hf/v1/default/+/desired', 't/#', '$SYS/#']) {
      const [granted] = await link.client.subscribeAsync(filter, { qos: 1 }).catch(() => [{ qos: 128 }]);
      expect(granted?.qos).toBe(128);
    }
    await expect(link.send(foreign.online, online(1))).rejects.toThrow('closed');
    await using will = await device.connect({
      will: { topic: foreign.online, payload: Buffer.from(JSON.stringify(online(9))), qos: 1, retain: true },
    });
    will.client.stream.destroy();
    await will.closed;
    await expect(cloud.operator.device('b')).resolves.toMatchObject({ online: null });
  });

  test('refuses a stranger, a wrong token and a connection without TLS identity', async () => {
    await using cloud = await startCloud();
    const { mqttUrl, caPem: ca } = cloud.plane;
    await expect(openLink(mqttUrl, { ca })).rejects.toMatchObject({ code: 4 });
    await expect(openLink(mqttUrl, { ca, username: 'operator', password: 'x' })).rejects.toMatchObject({
      code: 4,
    });
  });

  test('ends the connection of a device that is revoked and lets it in no more', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await device.connect();
    await link.send(link.topics.online, online(1));
    await cloud.operator.revoke('a');
    await link.closed;
    await expect(device.connect()).rejects.toMatchObject({ code: 5 });
    await expect(cloud.operator.device('a')).resolves.toMatchObject({
      enrolled: false,
      online: { online: false },
    });
  });

  test('lets no device wait for a subscriber that has stopped reading', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    const { mqtt: url, ca } = device.identity;
    const operator = { username: 'operator', password: cloud.plane.operatorToken };
    await using frozen = await openLink(url, { ca, ...operator });
    await frozen.client.subscribeAsync('hf/#', { qos: 0 });
    frozen.client.stream.unpipe();
    frozen.client.stream.pause();
    await using link = await subscribe(await device.connect());
    const condition = { type: 'x', status: true, reason: 'y', message: 'z'.repeat(2000) };
    const conditions = Array.from({ length: 32 }, () => condition);
    for (let seq = 1; seq <= 240; seq++) {
      await link.send(link.topics.reported, { ...report(seq), conditions });
      expect(json(await link.next(link.topics.reportedAck))).toEqual({ seq });
    }
    let bytes = 0;
    frozen.client.stream.on('data', (chunk: Buffer) => void (bytes += chunk.length));
    frozen.client.stream.resume();
    await eventually(() => bytes > 240 * 64_000);
  });

  test('holds few messages at QoS 2, whose senders it waits for', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await device.connect();
    const { reported: topic } = link.topics;
    for (let messageId = 1; messageId <= 50; messageId++) {
      const message = { topic, payload: JSON.stringify(report(1)), retain: false, dup: false } as const;
      link.client.stream.write(mqtt.generate({ cmd: 'publish', qos: 2, messageId, ...message }));
    }
    await link.closed;
  });

  test('grants a connection only so many subscriptions', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await device.connect();
    const filters = Array.from({ length: 1200 }, (_, index) => `${link.topics.prefix}/${index}`);
    const refused = link.client.subscribeAsync([`${link.topics.prefix}/${'x'.repeat(2000)}`, ...filters]);
    await expect(refused).rejects.toMatchObject({
      packet: { granted: [128, ...Array<number>(1000).fill(0), ...Array<number>(200).fill(128)] },
    });
  });

  test('ends a connection whose packet is larger than any may be', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await device.connect();
    await expect(link.send(link.topics.reported, 'x'.repeat(2 * 2 ** 20))).rejects.toThrow('closed');
  });
});

describe('the relay', () => {
  const stored = async (cloud: Awaited<ReturnType<typeof startCloud>>) =>
    (await cloud.operator.messages('a', { limit: 1000 })).messages.map(({ seq }) => seq);

  test('stores a batch before it acknowledges, once, however often it comes', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    for (let turn = 0; turn < 3; turn++) {
      await link.relay(batchOf(1, 5));
      expect(json(await link.next(link.topics.relayAck))).toMatchObject({ stream: 'telemetry', seq: 5 });
    }
    await link.relay(batchOf(4, 7));
    expect(json(await link.next(link.topics.relayAck))).toMatchObject({ seq: 7 });
    expect(await stored(cloud)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('stores nothing after a hole and says where to go on', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    await link.relay(batchOf(1, 3));
    await link.next(link.topics.relayAck);
    await link.relay(batchOf(6, 9));
    expect(json(await link.next(link.topics.relayAck))).toMatchObject({ seq: 3 });
    expect(await stored(cloud)).toEqual([1, 2, 3]);
  });

  test('counts each stream and each epoch for itself, and goes on after a restart', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    const send = async (batch: ReturnType<typeof batchOf>) => {
      await using link = await subscribe(await device.connect());
      await link.relay(batch);
      return json(await link.next(link.topics.relayAck));
    };
    await send(batchOf(1, 3));
    await cloud.restart();
    expect(await send(batchOf(4, 4))).toMatchObject({ seq: 4 });
    expect(await send(batchOf(1, 2, { stream: 'logs' }))).toMatchObject({ stream: 'logs', seq: 2 });
    expect(await send(batchOf(2, 2, { epoch: 'ffffffffffffffff' }))).toMatchObject({ seq: 0 });
    expect(await stored(cloud)).toEqual([1, 2, 3, 4, 1, 2]);
  });

  test.each([
    ['is not zstd', () => Promise.resolve(Buffer.from('nonsense'))],
    ['is not a batch', () => packJson({ epoch: 'x' })],
    ['is a decompression bomb', () => packJson({ epoch: '0'.repeat(64 * 2 ** 20) })],
    [
      'names the stream __proto__ with a bad epoch',
      () => packBatch({ ...batchOf(1, 1), stream: '__proto__', epoch: '' }),
    ],
  ])('ends the connection over a payload that %s, and stores nothing', async (_, payload) => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    link.client.publish(link.topics.relay, await payload(), { qos: 1 });
    await link.closed;
    expect(await stored(cloud)).toEqual([]);
    await using again = await subscribe(await device.connect());
    await again.relay(batchOf(1, 1));
    expect(json(await again.next(again.topics.relayAck))).toMatchObject({ seq: 1 });
  });

  test('pages through what it stored, by stream and by topic', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    await link.relay(batchOf(1, 300));
    await link.next(link.topics.relayAck);
    const first = await cloud.operator.messages('a', { limit: 299 });
    expect(first.messages).toHaveLength(299);
    const rest = await cloud.operator.messages('a', { limit: 299, after: first.next! });
    expect(rest).toMatchObject({ messages: [{ seq: 300 }], next: null });
    const none = await cloud.operator.messages('a', { topic: 'site/+/x' });
    expect(none.messages).toEqual([]);
    const some = await cloud.operator.messages('a', { topic: 'site/+', stream: 'telemetry', limit: 2 });
    expect(some.messages.map(({ payload }) => Buffer.from(payload!, 'base64').toString())).toEqual([
      '{"value":1}',
      '{"value":2}',
    ]);
  });
});

describe('an invocation', () => {
  test('goes to the device and comes back with its result', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    link.client.on('message', (topic, payload) => {
      const { payload: asked } = json({ payload }) as { payload: unknown };
      link.say(`${topic}/status`, { status: 'accepted' });
      link.say(`${topic}/status`, { status: 'succeeded', result: { echo: asked } });
    });
    const result = await cloud.operator.invoke('a', { function: 'f', payload: [1] });
    expect(result).toEqual({ echo: [1] });
  });

  test('fails with what the device says, and at once when it is not connected', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    const invoke = () => cloud.operator.invoke('a', { function: 'f', payload: null });
    await expect(invoke()).rejects.toMatchObject({ code: 'deviceOffline' });
    await using link = await subscribe(await device.connect());
    link.client.on('message', (topic) => {
      link.say(`${topic}/status`, { status: 'failed', error: { code: 'threw', message: 'no' } });
    });
    await expect(invoke()).rejects.toMatchObject({
      code: 'commandFailed',
      message: containing('threw'),
    });
  });
});
