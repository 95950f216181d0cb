import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { silentLogger } from '../../lib/logger.ts';
import { builtChild } from '../support/built-program.ts';
import { connectTo, temporaryFolder, text } from '../support/data-plane.ts';
import { seededRandom } from '../support/random.ts';

const rounds = 8;

type Device = { readonly process: ChildProcess; readonly port: number };

async function start(root: string, kind: string): Promise<Device> {
  const parameters = ['--disable-warning=ExperimentalWarning', builtChild('data-plane-child'), root, kind];
  const started = spawn(process.execPath, parameters, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: started.stdout }))
    return { process: started, port: Number(line) };
  throw new Error('the device did not start');
}

/** Publishes numbers with QoS 1 until the device is gone; resolves with those that were acknowledged. */
async function publishUntilKilled(device: Device, { from, afterMs }: { from: number; afterMs: number }) {
  await using sensor = await connectTo(device.port);
  const acked: number[] = [];
  const gone = once(device.process, 'exit');
  let next = from;
  const worker = async (): Promise<void> => {
    for (;;) {
      const number = next++;
      await sensor.client.publishAsync('in/n', String(number), { qos: 1 });
      acked.push(number);
    }
  };
  // Several at once, so that groups of more than one are cut in the middle too.
  for (let i = 0; i < 8; i++) void worker().catch(() => undefined);
  await sleep(afterMs);
  device.process.kill('SIGKILL');
  await gone;
  return { acked, next };
}

async function payloads(root: string, stream: string): Promise<string[]> {
  await using store = await LocalStore.open({ root, logger: silentLogger });
  const found: string[] = [];
  for (let after = 0; ;) {
    const records = await store.records({ stream, after, limit: 1000, maxBytes: 2 ** 24 });
    for (const record of records) found.push(record.gap ? 'gap' : text(record.message.payload));
    const last = records.at(-1);
    if (!last) return found;
    after = last.seq;
  }
}

async function waiting(root: string, kind: string): Promise<number> {
  await using store = await LocalStore.open({ root, logger: silentLogger });
  const { counts } = store;
  const read = counts.consumer('raw', 'function:counter')?.seq ?? 0;
  return counts.queued('counter') + (kind === 'stream' ? counts.stream('raw').lastSeq - read : 0);
}

/** Events that lie on disk, and those that moved to rows of their own. */
function eventsOnDisk(root: string): { pages: number; rows: number } {
  // Or its end would write the log into the file, for the next start.
  using database = new DatabaseSync(join(root, 'data', 'local.db'), { readOnly: true });
  const count = (table: string): number =>
    Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  return { pages: count('event_pages'), rows: count('events') };
}

test('[G1] kill -9 while some events fail and are tried again loses none and repeats no effect', async () => {
  await using folder = await temporaryFolder();
  const random = seededRandom(35);
  const acked: number[] = [];
  const seen = { pages: 0, rows: 0 };
  let next = 1;
  for (let round = 0; round < rounds; round++) {
    const device = await start(folder.path, 'failing');
    const done = await publishUntilKilled(device, { from: next, afterMs: 60 + random() * 300 });
    acked.push(...done.acked);
    next = done.next;
    const { pages, rows } = eventsOnDisk(folder.path);
    seen.pages += pages;
    seen.rows += rows;
  }
  // Or this says nothing of them.
  expect(seen.pages).toBeGreaterThan(0);
  expect(seen.rows).toBeGreaterThan(0);

  const raw = await payloads(folder.path, 'raw');
  const stored = new Set(raw);
  expect(acked.filter((number) => !stored.has(String(number)))).toEqual([]);
  const device = await start(folder.path, 'failing');
  while ((await waiting(folder.path, 'failing')) > 0) await sleep(50);
  device.process.kill('SIGKILL');
  await once(device.process, 'exit');
  const counted = await payloads(folder.path, 'counted');
  expect(counted.toSorted()).toEqual(raw.toSorted());
  expect(eventsOnDisk(folder.path)).toEqual({ pages: 0, rows: 0 });
});

test.each([
  ['what is queued as it comes', 'mqtt'],
  ['what is read from a stream', 'stream'],
])(
  '[G1] kill -9 at random moments loses no acknowledged message and repeats no effect of %s',
  async (_, kind) => {
    await using folder = await temporaryFolder();
    const random = seededRandom(34);
    const acked: number[] = [];
    let next = 1;
    for (let round = 0; round < rounds; round++) {
      const device = await start(folder.path, kind);
      const done = await publishUntilKilled(device, { from: next, afterMs: 20 + random() * 200 });
      acked.push(...done.acked);
      next = done.next;
    }
    expect(acked.length).toBeGreaterThan(rounds);

    const raw = await payloads(folder.path, 'raw');
    const stored = new Set(raw);
    expect(acked.filter((number) => !stored.has(String(number)))).toEqual([]);
    expect(raw.length).toBe(stored.size);

    // The queue drains after the last start; then every stored message was counted once.
    const device = await start(folder.path, kind);
    while ((await waiting(folder.path, kind)) > 0) await sleep(20);
    device.process.kill('SIGKILL');
    await once(device.process, 'exit');
    const counted = (await payloads(folder.path, 'counted')).map((line) => line.split(' '));
    expect(counted.map(([n]) => Number(n))).toEqual(raw.map((_, index) => index + 1));
    expect(counted.map(([, number]) => number)).toEqual(raw);
  },
);
