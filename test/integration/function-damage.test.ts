import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, jest, test } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { Lane } from '../../agent/triggers/lane.ts';
import type { InvocationEvent } from '../../agent/triggers/ports.ts';
import { functionSchema } from '../../manifests/function.ts';
import { createLogger, silentLogger, type LogEvent } from '../../lib/logger.ts';
import { eventually, openDevice, temporaryFolder } from '../support/data-plane.ts';
import { publish, state, status, textOf } from '../support/device-function.ts';

jest.setTimeout(60_000);

describe('a damaged page of events', () => {
  const sections = {
    functions: { fn: { on: [{ mqtt: 'in' }], retries: 0 }, other: { on: [{ mqtt: 'other' }] } },
  };
  const inFile = (root: string, sql: string): void => {
    using database = new DatabaseSync(join(root, 'data', 'local.db'), { timeout: 5000 });
    database.exec(sql);
  };
  const damage = "UPDATE event_pages SET heads = '?' || heads";
  const repair = 'UPDATE event_pages SET heads = substr(heads, 2)';

  /** Of five events, in a page. */
  async function withPage(root: string): Promise<void> {
    await using store = await LocalStore.open({ root, logger: silentLogger });
    const event = { function: 'fn', kind: 'message', topic: 'in', time: 1, hops: 0 } as const;
    const enqueue = { op: 'enqueue', capacity: 9, event: { ...event, payload: Buffer.from('x') } } as const;
    await store.commit(Array.from({ length: 5 }, () => enqueue));
  }

  /** What the other function gets still, and what is said. */
  function watched() {
    const others: string[] = [];
    const log: LogEvent[] = [];
    return {
      ...{ others, log, logger: createLogger((event) => log.push(event)) },
      other: (event: InvocationEvent) => void others.push(textOf(event)),
      errors: () => log.filter(({ level }) => level === 'error').map(({ event }) => event),
    };
  }

  test('holds its function up, said in log and status, and nobody else', async () => {
    await using folder = await temporaryFolder();
    await withPage(folder.path);
    inFile(folder.path, damage);
    const { other, others, errors, logger } = watched();
    let runs = 0;
    const fn = (): void => {
      runs++;
    };
    const handlers = { other, fn };
    await using device = await openDevice(sections, { handlers, logger, root: folder.path });
    await eventually(() => state(device)?.message?.includes('The page 5') === true);
    await publish(device, 'in', ['behind']);
    await publish(device, 'other', ['a', 'b']);
    await eventually(() => others.length === 2);
    expect([runs, status(device).queued, device.plane.components()['functions.other']?.state]).toEqual([
      0,
      6,
      'running',
    ]);
    expect(errors()).toEqual(['function.queue.unreadable']);
    inFile(folder.path, repair);
    await eventually(() => status(device).queued === 0);
    await eventually(() => state(device)?.state === 'running');
    expect(runs).toBe(6);
  });

  test('is read again when somebody does something about it, not with each event that comes behind it', async () => {
    await using folder = await temporaryFolder();
    await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
    let reads = 0;
    store.nearEvents = () => {
      reads++;
      return Promise.reject(new Error('The page 5 is damaged'));
    };
    const runtime = {
      invoke: () => Promise.reject(new Error('none')),
      problem: () => undefined,
      denials: () => 0,
    };
    await using lane = new Lane({
      ...{ name: 'fn', store, runtime, routes: () => [] as never, logger: silentLogger },
      deliver: () => Promise.resolve(),
      now: () => new Date(),
      random: () => 1,
    });
    lane.configure({
      ...functionSchema.parse({ bundle: 'x@sha256:' + '0'.repeat(64), on: [{ mqtt: 'in' }] }),
    });
    const event = { kind: 'message', topic: 'in', attempts: 0, notBefore: 0, payload: Buffer.alloc(0) };
    for (let id = 6; id < 56; id += 1) {
      lane.offer([{ ...event, id } as never]);
      await new Promise(setImmediate);
    }
    expect([reads, lane.problem]).toEqual([1, 'The page 5 is damaged']);
    lane.lookAnew();
    expect(reads).toBe(2);
  });

  test('keeps an event that failed, and what is committed beside it', async () => {
    await using folder = await temporaryFolder();
    await withPage(folder.path);
    const { other, others, errors, logger } = watched();
    const first = Promise.withResolvers<undefined>();
    let runs = 0;
    const fn = () => (runs++ === 0 ? first.promise : undefined);
    await using device = await openDevice(sections, { handlers: { other, fn }, logger, root: folder.path });
    await eventually(() => runs === 1);
    inFile(folder.path, damage);
    first.reject(new Error('no'));
    await publish(device, 'other', ['a', 'b']);
    await eventually(() => others.length === 2 && state(device)?.message?.includes('The page 5') === true);
    expect([status(device).queued, status(device).deadLetters]).toEqual([5, 0]);
    expect(errors()).toContain('function.queue.unreadable');
    expect(errors()).not.toContain('store.commit.failed');
    inFile(folder.path, repair);
    await eventually(() => status(device).queued === 0);
    await eventually(() => state(device)?.state === 'running');
    expect([runs, status(device).deadLetters]).toEqual([6, 0]);
  });
});
