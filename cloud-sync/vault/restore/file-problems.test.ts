import { expect, test } from '@jest/globals';
import { FileProblems } from './file-problems.ts';

test('takes over more problems than a call takes arguments', () => {
  const found = Array.from({ length: 200_000 }, (_, number) => {
    return { path: `/${number}`, code: 'missing', message: 'It is not there' } as const;
  });
  expect(new FileProblems((file) => `${file}`, found).count).toBe(200_000);
});
