import { expect, test } from '@jest/globals';
import { formatField } from './log-sink.ts';

test('a field is quoted only where a space would break it', () => {
  expect(formatField(['device', 'greenhouse-7'])).toBe('device=greenhouse-7');
  expect(formatField(['reason', 'no route'])).toBe('reason="no route"');
  expect(formatField(['error', { code: 'x' }])).toBe('error={"code":"x"}');
});

test('what a function says does nothing to the terminal', () => {
  expect(formatField(['message', 'a\u001b[2Jb'])).toBe('message="a\\u001b[2Jb"');
  expect(formatField(['message', 'a\u009b\u202eb'])).toBe('message="a\\u009b\\u202eb"');
  expect(formatField(['deep', { text: '\u{e0001}' }])).toBe('deep={"text":"\\udb40\\udc01"}');
});

test('a field without a value says so', () => {
  expect(formatField(['left', undefined])).toBe('left=undefined');
});
