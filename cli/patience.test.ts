import { expect, test } from '@jest/globals';
import { SyncError } from '../cloud-sync/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Output } from './output.ts';
import { patiently, waitFor } from './patience.ts';
import type { Run } from './run.ts';

function run(retryMs: number): Run {
  return {
    io: undefined as never,
    out: { note: () => undefined } as unknown as Output,
    globals: { retry: retryMs },
    logger: silentLogger,
    logSink: () => undefined,
    signal: new AbortController().signal,
  };
}

test('a passing failure is tried again and a lasting one is not', async () => {
  let calls = 0;
  const flaky = () => {
    calls++;
    return calls < 3
      ? Promise.reject(new SyncError('network', 'away', { transient: true }))
      : Promise.resolve('there');
  };
  await expect(patiently(run(60_000), flaky)).resolves.toBe('there');
  calls = 0;
  const refused = () => {
    calls++;
    return Promise.reject(new SyncError('unauthorized', 'no'));
  };
  await expect(patiently(run(60_000), refused)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(calls).toBe(1);
});

test('with --retry 0 the first failure is the last', async () => {
  let calls = 0;
  const away = () => {
    calls++;
    return Promise.reject(new SyncError('network', 'away', { transient: true }));
  };
  await expect(patiently(run(0), away)).rejects.toMatchObject({ code: 'network' });
  expect(calls).toBe(1);
});

test('waiting polls once more at its end, then says why it gave up', async () => {
  const options = {
    everyMs: 1,
    timeoutMs: 0,
    signal: new AbortController().signal,
    onTimeout: () => new Error('late'),
  };
  await expect(waitFor(() => Promise.resolve(undefined), options)).rejects.toThrow('late');
  await expect(waitFor(() => Promise.resolve(7), options)).resolves.toBe(7);
});
