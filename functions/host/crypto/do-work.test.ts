import { describe, expect, test } from '@jest/globals';
import { limits } from '../protocol.ts';
import { readWork, workFailure } from './do-work.ts';

const bytes = new Uint8Array([1, 2, 3]);
const sha = { name: 'SHA-256' };
const rsaEncryption = Buffer.from('300d06092a864886f70d0101010500', 'hex');

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

  test.each(['deriveBits', 'deriveKey'])('%s costs as much again for every block of the digest', (method) => {
    const derive = (length: number, hash: string) =>
      work(method, { algorithm: { name: 'PBKDF2', hash: { name: hash }, iterations: 1_000_000 }, length });
    const block = derive(256, 'SHA-256').costMs;
    expect(block).toBeGreaterThan(600);
    expect(derive(257, 'SHA-256').costMs / block).toBeCloseTo(2, 1);
    expect(derive(4096, 'SHA-256').costMs / block).toBeCloseTo(16, 1);
    expect(derive(4096, 'sha-1').costMs / block).toBeCloseTo(26, 1);
    expect(derive(4096, 'SHA-512').costMs / block).toBeCloseTo(8, 1);
    expect(() => derive(4104, 'SHA-512')).toThrow('the limit is 4096');
  });

  test('RSA costs by what is done and with how large a key', () => {
    const generate = (modulusLength: number) =>
      work('generateKey', { algorithm: { name: 'RSA-PSS', modulusLength, hash: sha } }).costMs;
    expect(generate(4096)).toBeGreaterThan(700);
    expect(generate(4096)).toBeGreaterThan(6 * generate(2048));
    const material = privateKey({ bits: 2048 });
    const use = (method: string, size: number) =>
      work(
        method,
        { algorithm: { name: 'RSA-PSS' }, key: { type: 'private', material: { at: [0, size] } } },
        new Uint8Array(4096),
      ).costMs;
    expect(use('sign', 2 * material.length)).toBeGreaterThan(6 * use('sign', material.length));
    expect(use('sign', 2 * material.length)).toBeGreaterThan(10 * use('verify', 2 * material.length));
  });

  test.each([
    ['a private key of 16384 bits', 'private', privateKey({ bits: 16384 })],
    [
      'a private key with less in it than its modulus needs',
      'private',
      privateKey({ bits: 4096, partBits: 64 }),
    ],
    ['a public key with a large exponent', 'public', publicKey({ bits: 2048, exponentBytes: 9 })],
  ] as const)('is refused with %s', async (_what, type, key) => {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: sha };
    const at = { at: [0, key.length] };
    const method = type === 'public' ? 'verify' : 'sign';
    const args = { algorithm, key: { type, algorithm, material: at }, data: at, signature: at };
    expect(await failure(method, args, key)).toBe('DataError');
  });

  test('is done with RSA keys as they are made', async () => {
    const made = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
      true,
      ['sign', 'verify'],
    );
    const key = new Uint8Array(await crypto.subtle.exportKey('pkcs8', made.privateKey));
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: sha };
    const at = { at: [0, key.length] };
    expect(
      await failure('sign', { algorithm, key: { type: 'private', algorithm, material: at }, data: at }, key),
    ).toBe('none');
  });
});

/** RFC 5208 and 8017, of parts that have the right size alone: to search for primes takes its time. */
function privateKey({ bits, partBits = bits }: { readonly bits: number; readonly partBits?: number }) {
  const half = number(partBits / 16);
  const parts = [number(bits / 8), number(1), number(partBits / 8), half, half, half, half, half];
  const key = der(0x30, Buffer.of(2, 1, 0), ...parts);
  return new Uint8Array(der(0x30, Buffer.of(2, 1, 0), rsaEncryption, der(4, key)));
}

function publicKey({ bits, exponentBytes }: { readonly bits: number; readonly exponentBytes: number }) {
  const key = der(0x30, number(bits / 8), number(exponentBytes));
  return new Uint8Array(der(0x30, rsaEncryption, der(3, Buffer.of(0), key)));
}

/** Of so many bytes, odd. */
function number(size: number): Buffer {
  return der(2, Buffer.of(0), Buffer.alloc(size, 0xff));
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
