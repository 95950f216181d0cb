import { expect, test } from '@jest/globals';
import { retry } from './retry.ts';

const options = {
  attempts: 2,
  minDelayMs: 1,
  maxDelayMs: 1,
  signal: new AbortController().signal,
  isTransient: () => true,
};

test('waits at least as long as the failure asks for', async () => {
  const began: number[] = [];
  const work = () => {
    began.push(performance.now());
    return began.length === 1 ? Promise.reject(new Error('busy')) : Promise.resolve('done');
  };
  expect(await retry(work, { ...options, askedDelayMs: () => 50 })).toBe('done');
  expect(began[1]! - began[0]!).toBeGreaterThan(45);
});

test('gives up after the last attempt, with its failure', async () => {
  let attempts = 0;
  const work = () => Promise.reject(new Error(`attempt ${++attempts}`));
  await expect(retry(work, options)).rejects.toThrow('attempt 2');
});
