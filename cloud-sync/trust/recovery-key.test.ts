import { describe, expect, test } from '@jest/globals';
import { leastCost } from './passphrase-box.ts';
import {
  createRecoveryKey,
  openRecoveryKey,
  recoveryMessage,
  verifyRecoverySignature,
} from './recovery-key.ts';

const message = recoveryMessage({ device: 'greenhouse-7', nonce: 'n1', csr: 'csr' });

/** `wrapped` with some of its fields changed. */
function alter(wrapped: string, change: Record<string, unknown>): string {
  return `hfr1.${Buffer.from(JSON.stringify({ ...fieldsOf(wrapped), ...change })).toString('base64url')}`;
}

const fieldsOf = (wrapped: string) =>
  JSON.parse(Buffer.from(wrapped.slice(5), 'base64url').toString()) as object;

const cheap = { cost: leastCost };

describe('recovery key', () => {
  test('opened with its passphrase signs what its public key verifies, in any Unicode form [G9]', async () => {
    const { wrapped, publicKey } = await createRecoveryKey('Café corréct horse');
    expect(wrapped).toMatch(/^hfr1\.[A-Za-z0-9_-]+$/);
    expect(wrapped.length).toBeLessThanOrEqual(2048);
    expect(fieldsOf(wrapped)).toMatchObject({ N: 2 ** 17, r: 8, p: 1 });

    const key = await openRecoveryKey(wrapped, 'Café corréct horse'.normalize('NFD'));
    const signature = key.sign(message);

    expect(key.publicKey).toBe(publicKey);
    expect(verifyRecoverySignature({ publicKey, message, signature })).toBe(true);
    expect(verifyRecoverySignature({ publicKey, message: `${message}!`, signature })).toBe(false);
    expect(verifyRecoverySignature({ publicKey: 'AAAA', message, signature })).toBe(false);
    expect(verifyRecoverySignature({ publicKey, message, signature: '' })).toBe(false);
  });

  test('stays shut to another passphrase, and when its bytes were altered', async () => {
    const { wrapped } = await createRecoveryKey('one', cheap);
    const refused = expect.objectContaining({ code: 'wrongPassphrase' });
    await expect(openRecoveryKey(wrapped, 'two')).rejects.toEqual(refused);
    await expect(openRecoveryKey(alter(wrapped, { nonce: 'A'.repeat(16) }), 'one')).rejects.toEqual(refused);
    await expect(openRecoveryKey(wrapped, '')).rejects.toEqual(refused);
  });

  test('that asks for a key-derivation bomb is refused before anything is derived', async () => {
    const { wrapped } = await createRecoveryKey('one', cheap);
    const bombs = [{ N: 2 ** 31 }, { N: 2 ** 19 }, { N: 100_000 }, { N: 2 }, { r: 1e6 }, { p: 1e6 }];
    for (const bomb of bombs) {
      await expect(openRecoveryKey(alter(wrapped, bomb), 'one')).rejects.toEqual(
        expect.objectContaining({ code: 'badRecoveryKey' }),
      );
    }
  });

  test.each([
    'hfr1.',
    'hfr1.AAAA',
    'hft1.AAAA',
    `hfr1.${'A'.repeat(3000)}`,
    `hfr1.${Buffer.from('{"N":16384}').toString('base64url')}`,
  ])('that is not one (%.20s) is refused', async (wrapped) => {
    await expect(openRecoveryKey(wrapped, 'one')).rejects.toEqual(
      expect.objectContaining({ code: 'badRecoveryKey' }),
    );
  });
});
