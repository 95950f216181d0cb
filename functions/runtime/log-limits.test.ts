import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { LogLimits } from './log-limits.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function limitsWith(rate: { count: number; perMs: number }) {
  const lines: string[] = [];
  const limits = new LogLimits({
    onLog: ({ function: name, level, message }) => lines.push(`${name} ${level} ${message}`),
    uptimeMs: () => Date.now(),
  });
  limits.setRate('f', rate);
  const write = (count: number, name = 'f'): void => {
    for (let index = 0; index < count; index++)
      limits.write({ function: name, invocation: 'i', level: 'info', message: String(index), time: '' });
  };
  return { limits, lines, write };
}

test('a flood of a million lines becomes as many as the rate lets through, and one that counts the others', () => {
  const { lines, write } = limitsWith({ count: 3, perMs: 1000 });
  write(1_000_000);
  expect(lines).toEqual(['f info 0', 'f info 1', 'f info 2']);
  jest.advanceTimersByTime(1000);
  expect(lines.at(-1)).toBe('f warn 999997 log lines were dropped: more than 3 in 1 s');
  expect(lines).toHaveLength(4);
  jest.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(4);
});

test('what is dropped is not given its last form', () => {
  const { limits, lines } = limitsWith({ count: 2, perMs: 1000 });
  let finished = 0;
  const finish = (message: string) => `${message}!${++finished}`;
  for (let n = 0; n < 10; n++)
    limits.write({ function: 'f', invocation: 'i', level: 'info', message: 'x', time: '' }, finish);
  expect(finished).toBe(2);
  expect(lines).toEqual(['f info x!1', 'f info x!2']);
});

test('lines come back at the rate, and others than the flooder are not touched', () => {
  const { limits, lines, write } = limitsWith({ count: 60, perMs: 60_000 });
  limits.setRate('other', { count: 60, perMs: 60_000 });
  write(61);
  write(1, 'other');
  jest.advanceTimersByTime(2000);
  write(5);
  expect(lines.filter((line) => line.startsWith('f info'))).toHaveLength(62);
  expect(lines.filter((line) => line.startsWith('other'))).toHaveLength(1);
});

test('a new version with the same rate gets no new allowance, one with another rate does', () => {
  const { limits, lines, write } = limitsWith({ count: 2, perMs: 60_000 });
  write(3);
  limits.setRate('f', { count: 2, perMs: 60_000 });
  write(1);
  expect(lines).toHaveLength(2);
  limits.setRate('f', { count: 5, perMs: 60_000 });
  write(9);
  expect(lines).toHaveLength(7);
});
