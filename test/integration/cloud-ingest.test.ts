import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { MessagePage } from '../../cloud-sync/protocol/api.ts';
import {
  batchOf,
  eventually,
  json,
  openLink,
  packBatch,
  startCloud,
  subscribe,
  type TestCloud,
} from '../support/cloud.ts';
import { peerTest } from '../support/peers.ts';

const relayedAt = '2026-01-01T00:00:00.000Z';

/** A page ends early where the machine is slow: all of them. */
async function everything(
  cloud: TestCloud,
  device: string | undefined,
  query = {},
): Promise<MessagePage['messages']> {
  const messages: MessagePage['messages'] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: MessagePage = await cloud.operator.messages(device, { limit: 1000, ...query, after });
    messages.push(...page.messages);
    after = page.next;
  }
  return messages;
}

describe('the ingest of the cloud', () => {
  test('takes batches that are sent before the first one is acknowledged, in order', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    const batches = Array.from({ length: 20 }, (_, index) => batchOf(index * 10 + 1, index * 10 + 10));
    const payloads = await Promise.all(batches.map((batch) => packBatch(batch)));
    const { client, topics } = link;
    await Promise.all(payloads.map((payload) => client.publishAsync(topics.relay, payload, { qos: 1 })));
    const acknowledged: unknown[] = [];
    while (acknowledged.length < batches.length)
      acknowledged.push(json(await link.next(link.topics.relayAck)));
    expect(acknowledged.at(-1)).toMatchObject({ seq: 200 });
    const seqs = (await everything(cloud, 'a')).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test('takes what other devices sent when one sends nonsense at the same time', async () => {
    await using cloud = await startCloud();
    const links = [];
    await using stack = new AsyncDisposableStack();
    for (const name of ['a', 'b', 'c']) {
      const device = stack.use(await cloud.enrol(name));
      links.push(stack.use(await subscribe(await device.connect())));
    }
    const [a, bad, c] = links;
    const forgotten = bad!.send(bad!.topics.relay, 'nonsense').catch(() => 'closed');
    await Promise.all([a!.relay(batchOf(1, 5)), forgotten, c!.relay(batchOf(1, 5))]);
    expect(await forgotten).toBe('closed');
    const stored = await everything(cloud, undefined);
    expect(stored.map(({ device }) => device).toSorted()).toEqual([
      ...Array<string>(5).fill('a'),
      ...Array<string>(5).fill('c'),
    ]);
  });

  test('answers by time, for one device and for all', async () => {
    await using cloud = await startCloud();
    for (const name of ['a', 'b']) {
      await using device = await cloud.enrol(name);
      await using link = await device.connect();
      await link.relay(batchOf(1, 3));
    }
    const range = { since: relayedAt, until: '2026-01-01T01:00:00+01:00' };
    expect(await everything(cloud, 'a', range)).toHaveLength(3);
    expect(await everything(cloud, undefined, range)).toHaveLength(6);
    expect(await everything(cloud, undefined, { since: '2026-01-01T00:00:00.001Z' })).toEqual([]);
    const wrong = cloud.operator.messages('a', { since: 'yesterday' });
    await expect(wrong).rejects.toMatchObject({ code: 'badRequest' });
  });

  test('removes what an operator no longer wants, writes down who said so, and says how much is gone', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await device.connect();
    await link.relay(batchOf(1, 3));
    const place = { device: 'a', stream: 'telemetry' };
    await cloud.operator.keep(place, { keepMs: 1, keepBytes: null });
    expect(await cloud.operator.retention()).toMatchObject({
      defaults: { keepMs: null, keepBytes: null },
      rules: [{ ...place, keep: { keepMs: 1, keepBytes: null } }],
    });
    await cloud.restart(); // A round begins with the start.
    await eventually(async () => (await everything(cloud, 'a')).length === 0);
    expect(await cloud.operator.messages('a', {})).toMatchObject({ removed: { count: 3, oldestKept: null } });
    expect(await cloud.operator.streams('a')).toMatchObject([
      { ...place, messages: 0, bytes: 0, removed: 3 },
    ]);
    await cloud.operator.keep(place, null);
    await expect(cloud.operator.keep(place, null)).rejects.toMatchObject({ code: 'notFound' });
    await expect(cloud.operator.streams('nobody')).rejects.toMatchObject({ code: 'notFound' });
    // What was removed is not taken a second time.
    await using again = await subscribe(await device.connect());
    await again.relay(batchOf(1, 4));
    expect(json(await again.next(again.topics.relayAck))).toMatchObject({ seq: 4 });
    expect((await everything(cloud, 'a')).map(({ seq }) => seq)).toEqual([4]);
  });
});

describe('messages that are published again', () => {
  test('reach a subscriber that reads slowly, all of them, while ingest goes on', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    const credentials = { ca: cloud.plane.caPem, username: 'operator', password: cloud.plane.operatorToken };
    await using operator = await openLink(cloud.plane.mqttUrl, credentials);
    await operator.client.subscribeAsync('t/#', { qos: 1 });
    operator.client.stream.pause();
    const count = 60_000;
    for (let first = 1; first <= count; first += 2000) await link.relay(batchOf(first, first + 1999));
    expect(operator.received.length).toBeLessThan(count);
    operator.client.stream.resume();
    await eventually(() => operator.received.length >= count);
    const values = operator.received.map((message) => (json(message) as { value: number }).value);
    expect(values).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  }, 120_000);
});

peerTest(
  ['mosquitto_sub'],
  '[G10] mosquitto_sub hears every message of a backlog once, in order',
  async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await device.connect();
    const cafile = join(cloud.folder, 'peer-ca.pem');
    await writeFile(cafile, cloud.plane.caPem);
    const { hostname, port } = new URL(cloud.plane.mqttUrl);
    const count = 20_000;
    const child = spawn(
      'mosquitto_sub',
      [
        ...['-h', hostname, '-p', port, '--cafile', cafile, '-V', 'mqttv311', '-q', '1', '-t', 't/#'],
        ...['-u', 'operator', '-P', cloud.plane.operatorToken, '-C', String(count), '-W', '90'],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(child, 'close');
    // Single messages go on until it hears them: when it has subscribed is its own affair.
    let next = 1;
    for (; output === ''; next++) {
      await link.relay(batchOf(next, next));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    while (child.exitCode === null && next <= 2 * count) {
      await link.relay(batchOf(next, next + 1999));
      next += 2000;
    }
    expect(await ended).toEqual([0, null]);
    const values = [...output.matchAll(/^\{"value":(\d+)\}$/gm)].map(([, value]) => Number(value));
    const first = values[0] ?? 0;
    expect(values).toEqual(Array.from({ length: count }, (_, index) => first + index));
  },
);
