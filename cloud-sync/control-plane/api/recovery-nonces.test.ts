import { expect, test } from '@jest/globals';
import { RecoveryNonces } from './recovery-nonces.ts';

function setUp() {
  let time = Date.UTC(2026, 0, 1);
  const nonces = new RecoveryNonces(() => new Date(time));
  return { nonces, wait: (ms: number) => (time += ms) };
}

test('a nonce is good for its device, once', () => {
  const { nonces } = setUp();
  const nonce = nonces.create('a');
  expect(nonces.isGood('a', nonce)).toBe(true);
  expect(nonces.isGood('b', nonce)).toBe(false);
  nonces.use(nonce);
  expect(nonces.isGood('a', nonce)).toBe(false);
});

test('a nonce ends after five minutes', () => {
  const { nonces, wait } = setUp();
  const nonce = nonces.create('a');
  wait(299_999);
  expect(nonces.isGood('a', nonce)).toBe(true);
  wait(1);
  expect(nonces.isGood('a', nonce)).toBe(false);
});

test('a nonce of another process, a longer life and nonsense are refused', () => {
  const { nonces } = setUp();
  const nonce = nonces.create('a');
  const [expires = '', ...rest] = nonce.split('.');
  expect(setUp().nonces.isGood('a', nonce)).toBe(false);
  expect(nonces.isGood('a', [`${Number(expires) + 1}`, ...rest].join('.'))).toBe(false);
  for (const text of ['', '..', 'x'.repeat(10_000), `${nonce}.`])
    expect(nonces.isGood('a', text)).toBe(false);
});
