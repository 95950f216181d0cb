import { describe, expect, test } from '@jest/globals';
import { scryptSync } from 'node:crypto';
import { hashPassword, parsePasswordHash, verifyPassword } from './password.ts';

describe('a password hash', () => {
  test('accepts its own password and no other', async () => {
    const hash = await hashPassword('greenhouse');
    expect(hash).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await verifyPassword(hash, 'greenhouse')).toBe(true);
    expect(await verifyPassword(hash, 'Greenhouse')).toBe(false);
    expect(await verifyPassword(hash, '')).toBe(false);
  });

  test('has a salt of its own each time', async () => {
    expect(await hashPassword('same')).not.toBe(await hashPassword('same'));
  });

  test('is what scrypt gives for the parameters it names', async () => {
    const salt = Buffer.from('0123456789abcdef');
    const expected = scryptSync('pass', salt, 32, { N: 2 ** 10, r: 8, p: 2 })
      .toString('base64')
      .replaceAll('=', '');
    const phc = `$scrypt$ln=10,r=8,p=2$${salt.toString('base64').replaceAll('=', '')}$${expected}`;
    expect(await verifyPassword(phc, 'pass')).toBe(true);
  });

  test('takes the same password typed with composed or decomposed characters', async () => {
    expect(await verifyPassword(await hashPassword('caf\u00e9'), 'cafe\u0301')).toBe(true);
  });

  const salt = 'MDEyMzQ1Njc4OWFiY2RlZg';
  const hash = 'A'.repeat(43);
  test.each([
    ['a cost of 2^31', `$scrypt$ln=31,r=8,p=1$${salt}$${hash}`],
    ['128 MiB of memory', `$scrypt$ln=17,r=8,p=1$${salt}$${hash}`],
    ['a block size of 99', `$scrypt$ln=14,r=99,p=1$${salt}$${hash}`],
    ['99 lanes', `$scrypt$ln=14,r=8,p=99$${salt}$${hash}`],
    ['a cost too small to protect', `$scrypt$ln=1,r=8,p=1$${salt}$${hash}`],
    ['another scheme', `$argon2id$v=19$m=65536,t=3,p=4$${salt}$${hash}`],
    ['a plain password', 'greenhouse'],
    ['a hash of kilobytes', `$scrypt$ln=14,r=8,p=1$${salt}$${'A'.repeat(4000)}`],
  ])('with %s is refused before anything is derived', async (_what, phc) => {
    expect(parsePasswordHash(phc)).toBeUndefined();
    await expect(verifyPassword(phc, 'x')).rejects.toThrow(RangeError);
  });
});
