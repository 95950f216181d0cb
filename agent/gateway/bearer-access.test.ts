import { expect, test } from '@jest/globals';
import { BearerAccess } from './bearer-access.ts';
import { limits } from './limits.ts';
import type { RequestHead } from './request-head.ts';

const request = (authorization?: string, from = '192.0.2.1'): RequestHead => ({
  headers: authorization === undefined ? {} : { authorization },
  socket: { remoteAddress: from },
});
const refused = (status: number) => expect.objectContaining({ status });

test('the right token is let in, in any case of the scheme', () => {
  const access = new BearerAccess(() => 0);
  for (const header of ['Bearer s3cret', 'bearer  s3cret', 'BEARER s3cret'])
    expect(() => access.require(request(header), 's3cret')).not.toThrow();
});

test.each([undefined, '', 'Bearer', 'Bearer ', 'Bearer S3CRET', 'Bearer s3cret2', 'Basic s3cret', 's3cret'])(
  'Authorization: %s is refused with a challenge',
  (header) => {
    const access = new BearerAccess(() => 0);
    expect(() => access.require(request(header), 's3cret')).toThrow(
      expect.objectContaining({
        status: 401,
        headers: { 'www-authenticate': expect.stringMatching(/^Bearer/) as unknown },
      }),
    );
  },
);

test('an address that guesses too often waits before it may guess again', () => {
  let now = 0;
  const access = new BearerAccess(() => now);
  for (let guess = 0; guess < limits.failures.count; guess++)
    expect(() => access.require(request(`Bearer ${guess}`), 's3cret')).toThrow(refused(401));
  expect(() => access.require(request('Bearer x'), 's3cret')).toThrow(
    expect.objectContaining({ status: 429, headers: { 'retry-after': '6' } }),
  );
  expect(() => access.require(request('Bearer x', '192.0.2.2'), 's3cret')).toThrow(refused(401));
  now += 6000;
  expect(() => access.require(request('Bearer x'), 's3cret')).toThrow(refused(401));
});

test('who has the token is let in beside one who guesses from the same address', () => {
  const access = new BearerAccess(() => 0);
  for (let guess = 0; guess < limits.failures.count + 1; guess++)
    expect(() => access.require(request(`Bearer ${guess}`), 's3cret')).toThrow();
  expect(() => access.require(request('Bearer s3cret'), 's3cret')).not.toThrow();
});

test('a request without a token is no guess', () => {
  const access = new BearerAccess(() => 0);
  for (let n = 0; n < limits.failures.count + 1; n++)
    expect(() => access.require(request(), 's3cret')).toThrow(refused(401));
});

test('all addresses of one IPv6 network count as one', () => {
  const access = new BearerAccess(() => 0);
  for (let guess = 0; guess < limits.failures.count; guess++)
    expect(() => access.require(request('Bearer x', `2001:db8::${guess + 1}`), 's3cret')).toThrow(
      refused(401),
    );
  expect(() => access.require(request('Bearer x', '2001:db8::ffff'), 's3cret')).toThrow(refused(429));
  expect(() => access.require(request('Bearer x', '2001:db8:0:1::1'), 's3cret')).toThrow(refused(401));
});

test('without the secret nobody is let in, and nobody is told why', () => {
  const access = new BearerAccess(() => 0);
  expect(() => access.require(request('Bearer undefined'), undefined)).toThrow(
    expect.objectContaining({ status: 503, message: 'This route is not ready.' }),
  );
});

test('the memory for addresses that failed is bounded', () => {
  const access = new BearerAccess(() => 0);
  const guess = (n: number) => request('Bearer x', `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
  for (let n = 0; n < limits.failures.count; n++)
    expect(() => access.require(guess(0), 's')).toThrow(refused(401));
  expect(() => access.require(guess(0), 's')).toThrow(refused(429));
  for (let n = 1; n <= limits.rememberedAddresses; n++)
    expect(() => access.require(guess(n), 's')).toThrow(refused(401));
  expect(() => access.require(guess(0), 's')).toThrow(refused(401));
});
