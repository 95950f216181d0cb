import { describe, expect, test } from '@jest/globals';
import { limits } from '../protocol.ts';
import { readWork, workFailure } from './do-work.ts';

const bytes = new Uint8Array([1, 2, 3]);
const sha = { name: 'SHA-256' };

function work(method: unknown, args: unknown, body = bytes) {
  return readWork(JSON.stringify({ method, args }), body);
}

async function failure(method: unknown, args: unknown, body = bytes): Promise<string> {
  try {
    await work(method, args, body).run();
    return 'none';
  } catch (error) {
    return workFailure(error).code;
  }
}

describe('cryptographic work', () => {
  test('is done on the bytes that its arguments point to', async () => {
    const { bytes: digest = new Uint8Array(0) } = await work('digest', {
      algorithm: sha,
      data: { at: [1, 2] },
    }).run();
    const judge = await crypto.subtle.digest('SHA-256', bytes.slice(1));
    expect(Buffer.from(digest)).toEqual(Buffer.from(judge));
  });

  test.each<[string, unknown, unknown, string]>([
    ['no method', undefined, {}, 'TypeError'],
    ['a method of Object', 'toString', {}, 'NotSupportedError'],
    ['arguments that are a list', 'digest', [], 'TypeError'],
    ['bytes outside the body', 'digest', { algorithm: sha, data: { at: [2, 2] } }, 'TypeError'],
    ['bytes before the body', 'digest', { algorithm: sha, data: { at: [-1, 2] } }, 'TypeError'],
    ['bytes at half an offset', 'digest', { algorithm: sha, data: { at: [0.5, 1] } }, 'TypeError'],
    ['arguments that are too deep', 'digest', { a: { a: { a: { a: { a: { a: {} } } } } } }, 'TypeError'],
    [
      'an algorithm that does not exist',
      'digest',
      { algorithm: { name: 'MD5' }, data: { at: [0, 1] } },
      'NotSupportedError',
    ],
    ['an algorithm that is text', 'digest', { algorithm: 'SHA-1', data: { at: [0, 1] } }, 'TypeError'],
    [
      'a length that is no number',
      'generateKey',
      { algorithm: { name: 'AES-GCM', length: '256' } },
      'TypeError',
    ],
    [
      'a huge RSA key',
      'generateKey',
      { algorithm: { name: 'RSA-PSS', modulusLength: 16384 } },
      'OperationError',
    ],
    [
      'a huge HMAC key',
      'generateKey',
      { algorithm: { name: 'HMAC', length: 2 ** 30, hash: sha } },
      'OperationError',
    ],
    [
      'a key of no type',
      'sign',
      { algorithm: { name: 'HMAC' }, key: { type: 'x', algorithm: { name: 'HMAC' } } },
      'TypeError',
    ],
  ])('fails for %s', async (_what, method, args, code) => {
    expect(await failure(method, args)).toBe(code);
  });

  test('takes so many bytes and no more', async () => {
    const args = { algorithm: sha, data: { at: [0, 1] } };
    expect(await failure('digest', args, new Uint8Array(limits.workBytes))).toBe('none');
    expect(await failure('digest', args, new Uint8Array(limits.workBytes + 1))).toBe('OperationError');
  });

  test('costs more the more it does', () => {
    const cost = (iterations: number) =>
      work('deriveBits', { algorithm: { name: 'PBKDF2', hash: sha, iterations }, length: 8 }).costMs;
    expect(cost(1_000_000)).toBeGreaterThan(100 * cost(1000));
    expect(work('digest', { algorithm: sha }, new Uint8Array(2 ** 20)).costMs).toBeGreaterThan(5);
  });
});
