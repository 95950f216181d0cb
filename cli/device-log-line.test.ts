import { expect, test } from '@jest/globals';
import { logMessageOf } from '../agent/observability/log-event.ts';
import type { LogEvent } from '../lib/logger.ts';
import { deviceLogLine } from './device-log-line.ts';

const time = '2026-01-01T00:00:00.000Z';
const place = { id: 1, device: 'd', epoch: 'e', stream: 'observability', seq: 1, time, received: time };
const stored = (topic: string, body: unknown) => ({
  ...{ ...place, topic, contentType: 'application/json', gap: null },
  payload: Buffer.from(JSON.stringify(body)).toString('base64'),
});

test.each<LogEvent>([
  { time, level: 'info', event: 'reconcile.committed', generation: 3 },
  { time, level: 'warn', event: 'function.failed', function: 'shop', code: 'timeout', error: 'took 5 s' },
  { time, level: 'error', event: 'function.log', function: 'shop', invocation: 'a1', message: 'sold out' },
  {
    time,
    level: 'info',
    event: 'app.log',
    app: 'web',
    instance: 'web-1',
    stream: 'stdout',
    message: 'hello',
  },
])('a line of the agent comes back from the cloud as it was: %j', (line) => {
  const { topic, event } = logMessageOf(line);
  expect(deviceLogLine(stored(topic, event))).toEqual(line);
});

test('what is no line of a log is none', () => {
  expect(deviceLogLine(stored('log/agent', { any: 'thing' }))).toBeUndefined();
  expect(deviceLogLine(stored('metrics', []))).toBeUndefined();
});

test('lines that were dropped on the device come as one', () => {
  const gap = { count: 12, reason: 'budget' };
  expect(deviceLogLine({ ...place, topic: null, payload: null, contentType: null, gap })).toEqual({
    ...{ time, level: 'warn', event: 'observability.gap', count: 12, reason: 'budget' },
  });
});
