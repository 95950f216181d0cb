import { expect, test } from '@jest/globals';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { AccessLog } from './access-log.ts';
import { limits } from './limits.ts';

test('a flood of requests is counted, not written', () => {
  const events: LogEvent[] = [];
  let now = 0;
  const log = new AccessLog(
    createLogger((event) => events.push(event)),
    () => now,
  );
  const entry = {
    ...{ method: 'GET', route: '/a', function: 'f', status: 200 },
    ...{ ms: 1, requestBytes: 0, responseBytes: 2, invocation: 'id' },
  };
  for (let n = 0; n < limits.logLines.count + 7; n++) log.write(entry);
  now += 1000;
  log.write({ ...entry, status: 504, code: 'timeout' });
  log.write(entry);
  expect(events).toHaveLength(limits.logLines.count + 2);
  expect(events.at(-2)).toMatchObject({
    level: 'warn',
    event: 'gateway.request',
    leftOut: 7,
    code: 'timeout',
  });
  expect(events.at(-1)).not.toHaveProperty('leftOut');
});
