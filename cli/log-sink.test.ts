import { expect, test } from '@jest/globals';
import { formatField } from './log-sink.ts';

test('a field is quoted only where a space would break it', () => {
  expect(formatField(['device', 'greenhouse-7'])).toBe('device=greenhouse-7');
  expect(formatField(['reason', 'no route'])).toBe('reason="no route"');
  expect(formatField(['error', { code: 'x' }])).toBe('error={"code":"x"}');
});
