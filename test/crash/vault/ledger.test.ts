import { expect, test } from '@jest/globals';
import { Ledger } from './ledger.ts';

const entries = new Map([['/a', '100644']]);
const path = '/volumes/a';
const listed = (...ids: readonly string[]) => ids.map((id) => ({ id, path }));

function ledgerOf(...ids: readonly string[]): Ledger {
  const ledger = new Ledger();
  for (const id of ids) ledger.commit(id, path, entries);
  return ledger;
}

test('a snapshot that was reported and is not there is lost, once', () => {
  const ledger = ledgerOf('one', 'two');
  expect(ledger.compare(listed('two'))).toEqual([expect.stringContaining('snapshot one')]);
  expect(ledger.compare(listed('two'))).toEqual([]);
});

test('one that is to be forgotten may be there or not, until then only', () => {
  const ledger = ledgerOf('one', 'two', 'three');
  ledger.beginToForget(2);
  expect(ledger.compare(listed('two', 'three'))).toEqual([]);
  expect(ledger.compare(listed('three'))).toHaveLength(1);
});

test('one that comes while others are forgotten makes one more of them superfluous', () => {
  const ledger = ledgerOf('one', 'two');
  ledger.beginToForget(2, 1);
  expect(ledger.forget(['one'])).toEqual([]);
  expect(ledger.forget(['two'])).toHaveLength(1);
});

test('one that was not reported is promised from the moment it is there, and nobody else may make any', () => {
  const ledger = ledgerOf();
  ledger.attempt(path, entries);
  expect(ledger.compare(listed('late'))).toEqual([]);
  expect(ledger.entriesOf('late')).toBe(entries);
  expect(ledger.compare(listed())).toHaveLength(1);
  expect(ledger.compare(listed('foreign'))).toHaveLength(1);
});
