import { expect, test } from '@jest/globals';
import { LoginAttempts } from './login-attempts.ts';

function attemptsAt(start = 1_000_000) {
  const clock = { ms: start };
  const attempts = new LoginAttempts(() => new Date(clock.ms));
  /** How many of `count` tries were looked at; all of them are wrong. */
  const guess = (count: number, address = '10.0.0.7', client = 'sensor'): number => {
    let looked = 0;
    for (let n = 0; n < count; n++) {
      if (!attempts.mayTry(address, client)) continue;
      looked++;
      attempts.noteFault(address, client);
    }
    return looked;
  };
  return { clock, attempts, guess };
}

test('ten wrong passwords are looked at, then one a second', () => {
  const { clock, guess } = attemptsAt();
  expect(guess(1000)).toBe(10);
  clock.ms += 1000;
  expect(guess(1000)).toBe(1);
  clock.ms += 60_000;
  expect(guess(1000)).toBe(10);
});

test('other places and other clients are not concerned; the addresses of one IPv6 network are one place', () => {
  const { attempts, guess } = attemptsAt();
  guess(1000);
  expect(attempts.mayTry('10.0.0.7', 'sensor')).toBe(false);
  expect(attempts.mayTry('10.0.0.8', 'sensor')).toBe(true);
  expect(attempts.mayTry('10.0.0.7', 'display')).toBe(true);
  guess(1000, '2001:db8:1:2:a::1');
  expect(attempts.mayTry('2001:db8:1:2:b::9', 'sensor')).toBe(false);
  expect(attempts.mayTry('2001:db8:1:3:b::9', 'sensor')).toBe(true);
});

test('a clock that is set back locks nobody out for long', () => {
  const { clock, guess } = attemptsAt(10_000_000);
  guess(10);
  clock.ms = 1000;
  expect(guess(1000)).toBe(1);
  clock.ms += 1000;
  expect(guess(1000)).toBe(1);
});

test('faults in ten thousand places take up the memory of four thousand', () => {
  const { attempts, guess } = attemptsAt();
  guess(10, 'first');
  for (let n = 0; n < 10_000; n++) guess(1, `10.0.${n >> 8}.${n & 255}`);
  expect(attempts.mayTry('first', 'sensor')).toBe(true);
});
