import { describe, expect, test } from '@jest/globals';
import { leastCost } from '../../trust/passphrase-box.ts';
import { createOwnerKey, openOwnerKey, sealToOwner } from './owner-key.ts';
import { ownerFingerprint, ownerPublicKey } from './owner-public-key.ts';

const fieldsOf = (text: string) => JSON.parse(Buffer.from(text.slice(5), 'base64url').toString()) as object;

function alter(text: string, change: Record<string, unknown>): string {
  return `hfo1.${Buffer.from(JSON.stringify({ ...fieldsOf(text), ...change })).toString('base64url')}`;
}

const cheap = { cost: leastCost };

describe('an owner key', () => {
  test('opens with its passphrase what a device sealed to its public half, and nothing else does [G7]', async () => {
    const text = await createOwnerKey('Café corréct horse');
    const publicKey = ownerPublicKey(text);
    const secret = Buffer.from('slot password');
    const sealed = sealToOwner(secret, publicKey);
    const owner = await openOwnerKey(text, 'Café corréct horse'.normalize('NFD'));

    expect(fieldsOf(text)).toMatchObject({ N: 2 ** 17, r: 8, p: 1 });
    expect(text).toMatch(/^hfo1\.[A-Za-z0-9_-]{1,2000}$/);
    expect(owner.publicKey).toBe(publicKey);
    expect(owner.unseal(sealed)).toEqual(secret);
    expect(sealed.includes(secret)).toBe(false);
    const other = await openOwnerKey(await createOwnerKey('another', cheap), 'another');
    expect(other.unseal(sealed)).toBeUndefined();
    for (const place of [0, 31, 32, sealed.length - 1]) {
      const flipped = Buffer.from(sealed);
      flipped[place]! ^= 1;
      expect(owner.unseal(flipped)).toBeUndefined();
    }
    expect(owner.unseal(Buffer.alloc(10))).toBeUndefined();
  });

  test('stays shut to another passphrase, and when somebody exchanged its public half', async () => {
    const text = await createOwnerKey('one', cheap);
    const foreign = ownerPublicKey(await createOwnerKey('attacker', cheap));
    const refused = expect.objectContaining({ code: 'wrongPassphrase' });
    await expect(openOwnerKey(text, 'two')).rejects.toEqual(refused);
    await expect(openOwnerKey(alter(text, { publicKey: foreign }), 'one')).rejects.toEqual(refused);
  });

  test('that asks for a key-derivation bomb, or is none, is refused before anything is derived', async () => {
    const text = await createOwnerKey('one', cheap);
    const bad = [
      ...[{ N: 2 ** 31 }, { N: 2 ** 19 }, { r: 1e6 }, { p: 1e6 }, { publicKey: 'AAAA' }].map((change) =>
        alter(text, change),
      ),
      ...['hfo1.', 'hfr1.AAAA', `hfo1.${'A'.repeat(3000)}`],
    ];
    for (const one of bad)
      await expect(openOwnerKey(one, 'one')).rejects.toEqual(expect.objectContaining({ code: 'badKeyFile' }));
  });

  test('has a fingerprint that people can compare', async () => {
    const key = ownerPublicKey(await createOwnerKey('one', cheap));
    expect(ownerFingerprint(key)).toMatch(/^([0-9a-f]{4} ){11}[0-9a-f]{4}$/);
    expect(ownerFingerprint(Buffer.alloc(32).toString('base64url'))).toBe(
      '6668 7aad f862 bd77 6c8f c18b 8e9f 8e20 0897 1485 6ee2 33b3',
    );
  });
});
