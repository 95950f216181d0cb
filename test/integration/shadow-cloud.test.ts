import { expect, test } from '@jest/globals';
import { eventually, json, openLink, startCloud, type Link } from '../support/cloud.ts';

const hear = async (link: Link): Promise<Link> => {
  await link.client.subscribeAsync(`${link.topics.prefix}/shadow/#`, { qos: 1 });
  return link;
};

test('a device makes a shadow by MQTT, and hears the answers that AWS IoT gives', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await hear(await device.connect());
  const { shadow } = link.topics;
  const state = { desired: { color: 'red', size: 1 }, reported: { color: 'blue' } };
  await link.send(shadow('lamp', 'update'), { state, clientToken: 't1' });
  expect(json(await link.next(shadow('lamp', 'update/accepted')))).toMatchObject({
    state,
    version: 1,
    clientToken: 't1',
    metadata: { reported: { color: { timestamp: expect.any(Number) as unknown } } },
  });
  expect(json(await link.next(shadow('lamp', 'update/delta')))).toMatchObject({
    state: { color: 'red', size: 1 },
    version: 1,
    clientToken: 't1',
  });
  expect(json(await link.next(shadow('lamp', 'update/documents')))).toMatchObject({
    previous: { version: 0, state: {} },
    current: { version: 1, state },
  });
  await link.send(shadow('lamp', 'update'), {
    state: { reported: { color: 'red', size: null } },
    version: 1,
  });
  expect(json(await link.next(shadow('lamp', 'update/delta')))).toMatchObject({
    state: { size: 1 },
    version: 2,
  });
  await link.send(shadow('lamp', 'get'), {});
  expect(json(await link.next(shadow('lamp', 'get/accepted')))).toMatchObject({
    state: { desired: { color: 'red', size: 1 }, reported: { color: 'red' }, delta: { size: 1 } },
    version: 2,
  });
});

test('a request that cannot be done is rejected with its code and token', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await hear(await device.connect());
  const { shadow } = link.topics;
  const rejected = async (tail: string, body: unknown) => {
    await link.send(shadow('s', tail), body);
    return json(await link.next(shadow('s', `${tail}/rejected`)));
  };
  expect(await rejected('get', { clientToken: 'g' })).toEqual({
    code: 404,
    message: 'No shadow exists with name: s',
    timestamp: expect.any(Number) as unknown,
    clientToken: 'g',
  });
  expect(await rejected('update', { state: 1, clientToken: 'u' })).toMatchObject({
    code: 400,
    clientToken: 'u',
  });
  expect(await rejected('update', { state: {}, version: 5 })).toMatchObject({ code: 409 });
  expect(await rejected('update', { state: { desired: { a: 'x'.repeat(31_000) } } })).toMatchObject({
    code: 413,
  });
  expect(await rejected('delete', {})).toMatchObject({ code: 404 });
});

test('operators read, change and delete shadows by HTTP, and the device and their tools hear of it', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await hear(await device.connect());
  const { mqttUrl, caPem: ca, operatorToken: password } = cloud.plane;
  await using tool = await openLink(mqttUrl, { ca, username: 'operator', password });
  const { shadow } = link.topics;
  await tool.client.subscribeAsync('hf/v1/default/+/shadow/+/update/documents', { qos: 1 });
  const { operator } = cloud;
  const made = await operator.updateShadow('a', 's', { body: { state: { desired: { n: 1 } }, version: 0 } });
  expect(made).toMatchObject({ state: { desired: { n: 1 }, delta: { n: 1 } }, version: 1 });
  expect(json(await link.next(shadow('s', 'update/delta')))).toMatchObject({ state: { n: 1 } });
  expect(json(await tool.next(shadow('s', 'update/documents')))).toMatchObject({ current: { version: 1 } });
  await expect(
    operator.updateShadow('a', 's', { body: { state: { desired: { n: 2 } }, version: 0 } }),
  ).rejects.toMatchObject({ code: 'conflict' });
  await cloud.restart();
  expect(await operator.shadow('a', 's')).toEqual({ ...made });
  expect(await operator.shadows('a')).toMatchObject([{ name: 's', version: 1 }]);
  await operator.deleteShadow('a', 's');
  await expect(operator.shadow('a', 's')).rejects.toMatchObject({ code: 'notFound' });
  await expect(operator.shadows('nobody')).rejects.toMatchObject({ code: 'notFound' });
  const again = await operator.updateShadow('a', 's', { body: { state: { desired: { n: 3 } } } });
  expect(again.version).toBe(3);
});

test('a device has a hundred shadows and no more', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  const body = { state: { desired: { n: 1 } } };
  for (let n = 0; n < 100; n++) await cloud.operator.updateShadow('a', `s${n}`, { body });
  await expect(cloud.operator.updateShadow('a', 'more', { body })).rejects.toMatchObject({
    code: 'tooLarge',
  });
  await using link = await hear(await device.connect());
  await link.send(link.topics.shadowList, { clientToken: 'l' });
  const listed = json(await link.next(`${link.topics.shadowList}/accepted`)) as { shadows: unknown[] };
  expect(listed.shadows).toHaveLength(100);
});

test('a device that asks without end is told to slow down', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await hear(await device.connect());
  for (let n = 0; n < 450; n++) link.say(link.topics.shadow('s', 'get'), {});
  await eventually(() => link.received.length >= 430);
  expect(link.received.some((message) => (json(message) as { code: number }).code === 429)).toBe(true);
});

test('a device with a revoked certificate changes nothing more', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await hear(await device.connect());
  await cloud.operator.revoke('a');
  await expect(link.send(link.topics.shadow('s', 'update'), { state: {} })).rejects.toThrow();
  expect(await cloud.operator.shadows('a')).toEqual([]);
});
