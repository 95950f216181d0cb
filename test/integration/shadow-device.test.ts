import { expect, test } from '@jest/globals';
import { CloudLink } from '../../agent/relay/cloud-link.ts';
import { silentLogger } from '../../lib/logger.ts';
import { json, startCloud, eventually, type TestDevice } from '../support/cloud.ts';
import { connectTo, openDevice, password, type Device } from '../support/data-plane.ts';
import { openFrozenProxy } from '../support/frozen-proxy.ts';

/** The agent's own link to the cloud, over `port`. */
function linkOf({ identity }: TestDevice, port: number): CloudLink {
  let session = 0;
  return new CloudLink({
    identity: { ...identity, mqtt: `mqtts://localhost:${port}` },
    boot: 'b',
    version: '0.1.0',
    nextSession: () => Promise.resolve(++session),
    onDesired: () => Promise.resolve(),
    onCommand: () => Promise.resolve(),
    onReportedAck: () => undefined,
    logger: silentLogger,
    retry: { minDelayMs: 10, maxDelayMs: 100 },
  });
}

/** A local client that hears all of `shadow/#` and asks. */
async function client({ plane }: Device) {
  const { client, ...rest } = await connectTo(plane.mqtt.port);
  const heard: { topic: string; body: Record<string, unknown> }[] = [];
  client.on('message', (topic, payload) =>
    heard.push({ topic, body: json({ payload }) as Record<string, unknown> }),
  );
  await client.subscribeAsync('shadow/#', { qos: 1 });
  return {
    ...rest,
    heard,
    ask: (tail: string, body: object) =>
      client.publishAsync(`shadow/${tail}`, JSON.stringify(body), { qos: 1 }),
    async next(topic: string) {
      await eventually(() => heard.some((message) => message.topic === topic));
      const [message] = heard.splice(
        heard.findIndex((one) => one.topic === topic),
        1,
      );
      return message?.body;
    },
  };
}

test('a shadow works on the device without a network, survives a restart, and goes up when there is a link', async () => {
  await using cloud = await startCloud();
  await using enrolled = await cloud.enrol('a');
  await using first = await openDevice({});
  {
    await using local = await client(first);
    await local.ask('lamp/update', { state: { reported: { on: true, level: 3 } }, clientToken: 't' });
    expect(await local.next('shadow/lamp/update/accepted')).toMatchObject({ version: 1, clientToken: 't' });
    await local.ask('lamp/update', { state: { reported: {} }, version: 9 });
    expect(await local.next('shadow/lamp/update/rejected')).toMatchObject({ code: 409 });
  }
  await first.plane[Symbol.asyncDispose]();
  await using device = await openDevice({}, { root: first.root });
  await using local = await client(device);
  await using link = linkOf(enrolled, Number(new URL(cloud.plane.mqttUrl).port));
  device.plane.shadows.attach(link);
  link.start();
  const inCloud = () => cloud.operator.shadow('a', 'lamp').catch(() => undefined);
  await eventually(async () => (await inCloud()) !== undefined);
  expect((await inCloud())?.state).toEqual({ reported: { on: true, level: 3 } });
  await cloud.operator.updateShadow('a', 'lamp', { body: { state: { desired: { level: 5 } } } });
  expect(await local.next('shadow/lamp/update/delta')).toMatchObject({ state: { level: 5 } });
  await local.ask('lamp/update', { state: { reported: { level: 5 } } });
  await eventually(async () => {
    const shadow = await inCloud();
    return shadow !== undefined && shadow.state.delta === undefined;
  });
}, 60_000);

test('a request that comes in by a bridge is answered, and a stream brings the answer out', async () => {
  await using site = await openDevice({});
  const bridge = {
    ...{ url: `mqtt://127.0.0.1:${site.plane.mqtt.port}`, username: 'sensor', password: 'site' },
    in: [{ topics: ['ask/#'], strip: 'ask/', topic: 'shadow/{topic}', qos: 1 }],
    out: [{ stream: 'answers', topic: 'answers/{topic}', qos: 1 }],
  };
  const streams = { answers: { topics: ['shadow/+/+/+'] } };
  const secrets = { get: () => Promise.resolve(password), onChange: () => () => undefined };
  await using _device = await openDevice({ streams, bridges: { site: bridge } }, { secrets });
  await using remote = await connectTo(site.plane.mqtt.port);
  const heard: string[] = [];
  remote.client.on('message', (topic, payload) => {
    const { clientToken } = json({ payload }) as { clientToken?: string };
    heard.push(`${topic} ${clientToken ?? '-'}`);
  });
  await remote.client.subscribeAsync('answers/#', { qos: 1 });
  const ask = (tail: string, body: object) =>
    remote.client.publishAsync(`ask/${tail}`, JSON.stringify(body), { qos: 1 });
  await eventually(async () => {
    await ask('none/get', {});
    return heard.length > 0;
  });
  await ask('lamp/update', { state: { reported: { on: true } }, clientToken: 'a' });
  await ask('lamp/get', { clientToken: 'b' });
  await ask('lamp/delete', { version: 5, clientToken: 'c' });
  await eventually(() => heard.includes('answers/shadow/lamp/delete/rejected c'));
  expect(new Set(heard.filter((message) => message.includes('/lamp/')))).toEqual(
    new Set([
      'answers/shadow/lamp/update/accepted a',
      'answers/shadow/lamp/update/documents a',
      'answers/shadow/lamp/get/accepted b',
      'answers/shadow/lamp/delete/rejected c',
    ]),
  );
}, 60_000);

test('a link that went silent is noticed at both ends, and the device comes back', async () => {
  await using cloud = await startCloud();
  await using enrolled = await cloud.enrol('a');
  await using proxy = await openFrozenProxy(Number(new URL(cloud.plane.mqttUrl).port));
  await using link = linkOf(enrolled, proxy.port);
  const isOnline = async () => (await cloud.operator.device('a')).online?.online === true;
  link.start();
  await eventually(isOnline);
  const sessionBefore = (await cloud.operator.device('a')).online?.session ?? 0;
  proxy.freeze();
  await eventually(async () => {
    const { online } = await cloud.operator.device('a');
    return online?.online === true && online.session > sessionBefore;
  });
  expect(link.connected).toBe(true);
}, 60_000);

test('a device whose line was cut is said to be offline, though nothing was closed', async () => {
  await using cloud = await startCloud();
  await using enrolled = await cloud.enrol('a');
  await using proxy = await openFrozenProxy(Number(new URL(cloud.plane.mqttUrl).port));
  await using link = await enrolled.connect({ port: proxy.port, keepalive: 3 });
  await link.send(link.topics.online, { online: true, session: 1, boot: 'b', agent: '1' }, { retain: true });
  const isOnline = async () => (await cloud.operator.device('a')).online?.online;
  await eventually(async () => (await isOnline()) === true);
  proxy.freeze();
  await eventually(async () => (await isOnline()) === false);
}, 60_000);

test('a device that takes its own place stays online', async () => {
  await using cloud = await startCloud();
  await using enrolled = await cloud.enrol('a');
  const online = (session: number, isOnline = true) => ({ online: isOnline, session, boot: 'b', agent: '1' });
  const willOf = (session: number, topic: string) => ({
    will: {
      topic,
      payload: Buffer.from(JSON.stringify(online(session, false))),
      qos: 1 as const,
      retain: true,
    },
  });
  const topic = 'hf/v1/default/a/online';
  await using old = await enrolled.connect(willOf(1, topic));
  await old.send(topic, online(1), { retain: true });
  await using next = await enrolled.connect(willOf(2, topic));
  await old.closed;
  await next.send(topic, online(2), { retain: true });
  expect((await cloud.operator.device('a')).online).toMatchObject({ online: true, session: 2 });
  const said = cloud.events.filter(({ event }) => event === 'device.presence');
  expect(said.length).toBe(2);
  expect(said.filter((event) => JSON.stringify(event).includes('"online":false'))).toEqual([]);
}, 60_000);
