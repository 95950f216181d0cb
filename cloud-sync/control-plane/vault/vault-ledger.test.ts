import { expect, test } from '@jest/globals';
import { VaultLedger } from './vault-ledger.ts';
import type { VaultPlace } from './vault-place.ts';

const place = (type: VaultPlace['type'], name: string): VaultPlace => ({ device: 'kiosk-1', type, name });
const used = (bytes: number) => new VaultLedger(new Map([['data', { count: 1, bytes }]]));

test('uploads at once may together take no more than the quota', () => {
  const ledger = used(40);
  const first = ledger.reserve(place('data', 'a'), 100);
  const second = ledger.reserve(place('data', 'b'), 100);
  first.grow(30);
  second.grow(30);
  expect(() => first.grow(1)).toThrow(/may not take more than 100 bytes/);
});

test('what was promised and not used is free again', () => {
  const ledger = used(40);
  const failed = ledger.reserve(place('data', 'a'), 100);
  failed.grow(60);
  failed[Symbol.dispose]();
  const next = ledger.reserve(place('data', 'a'), 100);
  expect(() => next.grow(60)).not.toThrow();
});

test('what was stored counts once, until it is removed', () => {
  const ledger = used(0);
  const stored = ledger.reserve(place('data', 'a'), 100);
  stored.grow(100);
  stored.settle(80);
  stored[Symbol.dispose]();
  const full = ledger.reserve(place('data', 'b'), 100);
  expect(() => full.grow(21)).toThrow(/more than 100 bytes/);
  expect(() => full.grow(20)).not.toThrow();
  full[Symbol.dispose]();
  ledger.removed(place('data', 'a'), 80);
  const room = ledger.reserve(place('data', 'c'), 100);
  expect(() => room.grow(100)).not.toThrow();
});

test('one place takes one upload or removal at a time', () => {
  const ledger = used(0);
  const first = ledger.reserve(place('data', 'a'), Infinity);
  expect(() => ledger.reserve(place('data', 'a'), Infinity)).toThrow(/writes or removes/);
  expect(() => ledger.hold(place('data', 'a'))).toThrow(/writes or removes/);
  expect(() => ledger.reserve(place('index', 'a'), Infinity)).not.toThrow();
  first[Symbol.dispose]();
  expect(() => ledger.reserve(place('data', 'a'), Infinity)).not.toThrow();
});

test('a device has 32 uploads at a time, and is told to come back', () => {
  const ledger = used(0);
  for (let at = 0; at < 32; at++) ledger.reserve(place('data', String(at)), Infinity);
  expect(() => ledger.reserve(place('data', 'one more'), Infinity)).toThrow(
    expect.objectContaining({ code: 'unavailable', transient: true }),
  );
});

test('a repository has a bounded number of keys, those under way included', () => {
  const ledger = new VaultLedger(new Map([['keys', { count: 63, bytes: 63 }]]));
  const last = ledger.reserve(place('keys', 'a'), Infinity);
  expect(() => ledger.reserve(place('keys', 'b'), Infinity)).toThrow(
    expect.objectContaining({ code: 'quotaExceeded' }),
  );
  last[Symbol.dispose]();
  expect(() => ledger.reserve(place('keys', 'b'), Infinity)).not.toThrow();
});
