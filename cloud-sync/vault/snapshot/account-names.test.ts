import { describe, expect, test } from '@jest/globals';
import { parseAccounts } from './account-names.ts';

describe('names of accounts', () => {
  test('are found by id, the first of an id', () => {
    const text = 'root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nnobody:*:65534:65534::/:\n';
    expect([...parseAccounts(text)]).toEqual([
      [0, 'root'],
      [65534, 'nobody'],
    ]);
  });

  test('leave out lines that are no accounts', () => {
    expect(parseAccounts('# note\n\n+::::::\nname:x:-1:\nname:x:12x:\n:x:5:\n').size).toBe(0);
  });
});
