import { describe, expect, it } from '@jest/globals';
import { logEventSchema } from '../../cloud-sync/protocol/observability.ts';
import { logMessageOf } from './log-event.ts';

const time = '2026-01-31T00:00:00.000Z';

describe('logMessageOf', () => {
  it('tells an event of the agent by its name', () => {
    const fields = { generation: 3, error: 'no route', code: 'timeout', isFirst: true };
    expect(logMessageOf({ time, level: 'warn', event: 'cloud.connect.failed', ...fields })).toEqual({
      topic: 'log/agent',
      event: {
        ...{ time, severity: 'WARN', body: 'cloud.connect.failed' },
        attributes: {
          'holdfast.generation': 3,
          'error.message': 'no route',
          'error.type': 'timeout',
          'holdfast.isFirst': true,
        },
      },
    });
  });

  it('tells what a function said under its own topic', () => {
    const said = { function: 'shop', invocation: 'a1', message: 'sold out' };
    expect(logMessageOf({ time, level: 'error', event: 'function.log', ...said })).toEqual({
      topic: 'log/functions/shop',
      event: {
        ...{ time, severity: 'ERROR', body: 'sold out' },
        attributes: { 'holdfast.function': 'shop', 'holdfast.invocation': 'a1' },
      },
    });
  });

  it('leaves out what is for the device alone', () => {
    const line = {
      time,
      level: 'warn',
      event: 'vault.snapshot.problems',
      local: { path: 'secret' },
    } as const;
    expect(logMessageOf({ ...line, count: 2 }).event.attributes).toEqual({ 'holdfast.count': 2 });
  });

  it('is bounded and well formed whatever the fields are', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => [`f${index}`, { deep: [index] }]),
    );
    const odd = { none: undefined, nothing: null, infinite: Infinity, call: () => 0, ...many };
    const { event } = logMessageOf({
      ...{ time, level: 'info', event: 'function.log', function: 'a', message: 'x'.repeat(1e6) },
      ...{ huge: 'y'.repeat(1e6), ...odd },
    });
    expect(logEventSchema.parse(event)).toEqual(event);
    expect(JSON.stringify(event).length).toBeLessThan(16 * 1024);
  });
});
