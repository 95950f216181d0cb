import { expect, test } from '@jest/globals';
import { forRepository } from './repository-hint.ts';

test('what is to be run names the repository that the person named', () => {
  expect(forRepository('Else: holdfast vault repair index, then holdfast vault check.', '/mnt/b')).toBe(
    'Else: holdfast vault repair index --repository /mnt/b, then holdfast vault check --repository /mnt/b.',
  );
  expect(forRepository('They go with: holdfast vault unlock --all.', '/mnt/my backup')).toBe(
    "They go with: holdfast vault unlock --repository '/mnt/my backup' --all.",
  );
  expect(forRepository('List it with `holdfast snapshot ls`.', 'rest:https://me:secret@nas:8000/me')).toBe(
    'List it with `holdfast snapshot ls --repository rest:https://nas:8000/me`.',
  );
  expect(forRepository('Take one with: holdfast snapshot.', 'cloud:kiosk-1')).toBe(
    'Take one with: holdfast snapshot take FOLDER --repository cloud:kiosk-1.',
  );
});

test('what names one already, what is of the agent, and what is of its own repository stays', () => {
  for (const text of [
    'Make one: holdfast vault init --repository /mnt/b',
    'See why with: holdfast vault status',
    'For a while: holdfast vault grant DEVICE --for 1h.',
  ])
    expect(forRepository(text, '/mnt/other')).toBe(text);
  const check = 'See: holdfast vault check.';
  expect(forRepository(check, undefined)).toBe(check);
  expect(forRepository('holdfast snapshot list --repository /mnt/b', '/mnt/other')).toBe(
    'holdfast snapshot list --repository /mnt/b',
  );
});
