import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { Operation } from './operations.ts';
import { prepareReads } from './reads.ts';
import { migrate } from './schema.ts';

const policy = { maxBytes: 2 ** 30, relayed: false, consumers: [], keepRead: true };

function open() {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const apply = prepareApply(database, () => policy);
  const reads = prepareReads(database);
  return {
    ledger,
    /** Each argument a unit of one transaction; resolves to the code each was refused with. */
    run(...units: Operation[][]): unknown[] {
      const draft = apply(units, ledger);
      ledger.accept(draft);
      return units.map((_, place) => (draft.refused.get(place) as { code?: unknown } | undefined)?.code);
    },
    get: (key: string, now = 0) => {
      const value = reads.value('s', key, now);
      return value && String(Buffer.from(value));
    },
    keys: (now: number) => reads.keys({ store: 's', prefix: '', after: '', limit: 100 }, now),
    rows: () => Number(database.prepare('SELECT count(*) AS n FROM kv').get()?.n),
    [Symbol.dispose]: () => database.close(),
  };
}

const put = (key: string, value: string, expires?: number): Operation => ({
  op: 'put',
  store: 's',
  key,
  value: Buffer.from(value),
  expires,
});
const check = (key: string, expected: string | null, time = 0): Operation => ({
  op: 'check',
  store: 's',
  key,
  expected: expected === null ? null : Buffer.from(expected),
  time,
});

describe('a value with an expiry', () => {
  test('is not seen from that moment on, nor listed', () => {
    using local = open();
    local.run([put('a', '1', 100), put('b', '2')]);
    expect([local.get('a', 99), local.get('a', 100)]).toEqual(['1', undefined]);
    expect(local.keys(99)).toEqual(['a', 'b']);
    expect(local.keys(100)).toEqual(['b']);
  });

  test('lives on when it is put again without one', () => {
    using local = open();
    local.run([put('a', '1', 100)], [put('a', '2')]);
    expect(local.get('a', 1000)).toBe('2');
  });

  test('is swept, and gives back its bytes', () => {
    using local = open();
    local.run([put('a', '1', 100), put('b', '22', 200), put('c', '3')]);
    local.run([{ op: 'sweep', before: 100, limit: 10 }]);
    expect(local.rows()).toBe(2);
    expect(local.ledger.storeBytes('s')).toBe('b22c3'.length);
    local.run([put('d', '4', 150), { op: 'sweep', before: 1000, limit: 1 }]);
    expect(local.keys(0)).toEqual(['b', 'c']);
  });
});

describe('a check', () => {
  test('that holds lets its unit through; one that does not refuses all of it and nothing else', () => {
    using local = open();
    const outcomes = local.run(
      [check('a', null), put('a', '1')],
      [put('b', '1'), check('a', null), put('a', '2')],
      [check('a', '1'), put('a', '3')],
      [put('c', '1')],
    );
    expect(outcomes).toEqual([undefined, 'conflict', undefined, undefined]);
    expect([local.get('a'), local.get('b'), local.get('c')]).toEqual(['3', undefined, '1']);
    expect(local.ledger.storeBytes('s')).toBe('a3c1'.length);
  });

  test('counts an expired value as none, and an empty one as one', () => {
    using local = open();
    local.run([put('a', '1', 100), put('e', '')]);
    expect(
      local.run([check('a', null, 99)], [check('a', null, 100)], [check('e', null)], [check('e', '')]),
    ).toEqual(['conflict', undefined, 'conflict', undefined]);
  });

  test('asks for the very same bytes', () => {
    using local = open();
    local.run([put('a', 'abc')]);
    expect(local.run([check('a', 'ab')], [check('a', 'abcd')], [check('none', 'abc')])).toEqual([
      'conflict',
      'conflict',
      'conflict',
    ]);
  });
});
