import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { checkCsr, createCsr } from './csr.ts';
import { createDeviceKey } from './keys.ts';
import { loadX509 } from './x509.ts';

const refused = expect.objectContaining({ code: 'badCsr' });

describe('certificate request', () => {
  test('names its key by the same digest every time it is made', async () => {
    const { privateKeyPem } = createDeviceKey();
    const first = await checkCsr(await createCsr(privateKeyPem, 'a'));
    const second = await checkCsr(await createCsr(privateKeyPem, 'b'));
    const other = await checkCsr(await createCsr(createDeviceKey().privateKeyPem, 'a'));
    expect(second.keyDigest).toBe(first.keyDigest);
    expect(other.keyDigest).not.toBe(first.keyDigest);
  });

  test('whose signature is by another key is refused', async () => {
    const csr = await createCsr(createDeviceKey().privateKeyPem, 'a');
    const der = Buffer.from(csr.replace(/-----.*?-----/g, ''), 'base64');
    der[der.length - 5]! ^= 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
    await expect(checkCsr(forged)).rejects.toEqual(refused);
  });

  test('for a key that is not P-256 is refused', async () => {
    const { Pkcs10CertificateRequestGenerator } = await loadX509();
    const algorithm = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-256' };
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm });
    await expect(checkCsr(csr.toString('pem'))).rejects.toEqual(refused);
  });

  test.each(['', 'nonsense', `-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----`])(
    'that cannot be read (%j) is refused',
    async (text) => {
      await expect(checkCsr(text)).rejects.toEqual(refused);
    },
  );

  test('of unbounded size is refused before it is parsed', async () => {
    await expect(checkCsr('A'.repeat(1 << 20))).rejects.toEqual(refused);
  });

  test('cannot be made with a key of another kind', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await expect(createCsr(pem, 'a')).rejects.toEqual(expect.objectContaining({ code: 'badState' }));
  });
});
