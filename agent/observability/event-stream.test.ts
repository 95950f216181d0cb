import { describe, expect, jest, it, beforeEach, afterEach } from '@jest/globals';
import type { LogEvent } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import type { Operation } from '../streams/operations.ts';
import { EventStream } from './event-stream.ts';
import { createAgentMeter, type AgentMeter } from './metrics.ts';

class FakeStore {
  readonly commits: (readonly Operation[])[] = [];
  attempts = 0;
  failure: Error | undefined;

  commit(operations: readonly Operation[]): Promise<void> {
    this.attempts += 1;
    if (this.failure) return Promise.reject(this.failure);
    this.commits.push(operations);
    return Promise.resolve();
  }

  get appended(): { topic: string; body: unknown }[] {
    return this.commits.flat().map((operation) => {
      if (operation.op !== 'append') throw new Error(`a ${operation.op}`);
      const { topic, payload } = operation.message;
      return { topic, body: (JSON.parse(Buffer.from(payload).toString()) as { body?: unknown }).body };
    });
  }
}

const line = (event: string, fields: Record<string, unknown> = {}): LogEvent => ({
  ...{ time: '2026-01-31T00:00:00.000Z', level: 'info', event },
  ...fields,
});

function dropped(meter: AgentMeter): Record<string, number> {
  const metric = meter.snapshot().find(({ name }) => name === 'holdfast.observability.dropped');
  if (!metric || metric.kind === 'histogram') return {};
  return Object.fromEntries(metric.points.map(({ attributes, value }) => [attributes.reason ?? '', value]));
}

describe('EventStream', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate'] }));
  afterEach(() => void jest.useRealTimers());

  it('commits what was logged within a second together', async () => {
    const store = new FakeStore();
    const events = new EventStream({ meter: createAgentMeter() });
    events.attach(store);
    for (const event of ['one', 'two', 'three']) events.write(line(event));
    await jest.advanceTimersByTimeAsync(999);
    expect(store.attempts).toBe(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(store.commits).toHaveLength(1);
    expect(store.appended.map(({ body }) => body)).toEqual(['one', 'two', 'three']);
  });

  it('writes nothing while nothing is logged', async () => {
    const store = new FakeStore();
    new EventStream({ meter: createAgentMeter() }).attach(store);
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(store.attempts).toBe(0);
  });

  it('keeps what was logged before there was a store', async () => {
    const store = new FakeStore();
    const events = new EventStream({ meter: createAgentMeter() });
    events.write(line('early'));
    events.attach(store);
    await jest.advanceTimersByTimeAsync(1000);
    expect(store.appended).toEqual([{ topic: 'log/agent', body: 'early' }]);
  });

  it('commits what waits when it is disposed', async () => {
    const store = new FakeStore();
    const events = new EventStream({ meter: createAgentMeter() });
    events.attach(store);
    events.write(line('last words'));
    await events[Symbol.asyncDispose]();
    expect(store.appended).toEqual([{ topic: 'log/agent', body: 'last words' }]);
  });

  it('leaves out what is about itself, what is below the level, and functions that read it', async () => {
    const store = new FakeStore();
    const events = new EventStream({ meter: createAgentMeter() });
    events.attach(store);
    events.configure({ level: 'info', readers: new Set(['forwarder']) });
    events.write(line('relay.send.failed', { stream: 'observability' }));
    events.write({ ...line('chatter'), level: 'debug' });
    events.write(line('function.log', { function: 'forwarder', message: 'got one' }));
    events.write(line('function.failed', { function: 'forwarder' }));
    events.write(line('relay.send.failed', { stream: 'weather' }));
    events.write(line('function.log', { function: 'other', message: 'hello' }));
    await jest.advanceTimersByTimeAsync(1000);
    expect(store.appended).toEqual([
      { topic: 'log/agent', body: 'relay.send.failed' },
      { topic: 'log/functions/other', body: 'hello' },
    ]);
  });

  it('cuts a flood and counts what it left out', async () => {
    const store = new FakeStore();
    const meter = createAgentMeter();
    const events = new EventStream({ meter });
    events.attach(store);
    for (let index = 0; index < 20_000; index++) events.write(line('flood', { index }));
    await jest.advanceTimersByTimeAsync(1000);
    const { rate = 0, buffer = 0 } = dropped(meter);
    expect(store.appended.length + rate + buffer).toBe(20_000);
    expect(rate).toBeGreaterThan(15_000);
  });

  it('holds bounded bytes however large the lines are', () => {
    const meter = createAgentMeter();
    const events = new EventStream({ meter });
    const message = 'x'.repeat(2 ** 20);
    for (let index = 0; index < 400; index++)
      events.write(line('function.log', { function: 'loud', message }));
    const { buffer = 0 } = dropped(meter);
    // A line is cut to 8 KiB; 512 KiB wait at most.
    expect(400 - buffer).toBeLessThanOrEqual(64);
    expect(400 - buffer).toBeGreaterThan(50);
  });

  it('tries a full disk less and less often, though each failure is logged, and loses nothing', async () => {
    const store = new FakeStore();
    const events = new EventStream({ meter: createAgentMeter() });
    events.attach(store);
    store.failure = new AgentError('diskFull', 'There is no room', { transient: true });
    const commit = store.commit.bind(store);
    store.commit = (operations) => {
      if (store.failure) events.write({ ...line('store.commit.failed'), level: 'error' });
      return commit(operations);
    };
    events.write(line('kept'));
    await jest.advanceTimersByTimeAsync(600_000);
    // After 1 s, then 2, 4, 8, 16, 32 s later, then once a minute.
    expect(store.attempts).toBeGreaterThanOrEqual(13);
    expect(store.attempts).toBeLessThanOrEqual(16);
    store.failure = undefined;
    await jest.advanceTimersByTimeAsync(61_000);
    expect(store.appended[0]).toEqual({ topic: 'log/agent', body: 'kept' });
    const { attempts } = store;
    await jest.advanceTimersByTimeAsync(600_000);
    expect(store.attempts).toBe(attempts);
  });

  it('gives up on a store that is broken for good, and says so in its metrics', async () => {
    const store = new FakeStore();
    const meter = createAgentMeter();
    const events = new EventStream({ meter });
    events.attach(store);
    store.failure = new AgentError('broken', 'An fsync failed');
    events.write(line('lost'));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(store.attempts).toBe(1);
    expect(dropped(meter)).toEqual({ broken: 1 });
  });

  it('puts a snapshot of the metrics on disk at once', async () => {
    const store = new FakeStore();
    const meter = createAgentMeter();
    const events = new EventStream({ meter });
    events.attach(store);
    meter.add('holdfast.relay.batches', {}, 3);
    await events.writeMetrics();
    const [operation] = store.commits.flat();
    if (operation?.op !== 'append') throw new Error('not appended');
    expect(operation.message).toMatchObject({ topic: 'metrics', contentType: 'application/json' });
    expect(JSON.parse(Buffer.from(operation.message.payload).toString())).toMatchObject({
      start: meter.started.toISOString(),
      metrics: {
        'holdfast.relay.batches': {
          ...{ kind: 'counter', unit: '{batch}' },
          points: [{ attributes: {}, value: 3 }],
        },
      },
    });
  });
});
