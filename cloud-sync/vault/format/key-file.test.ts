import { describe, expect, test } from '@jest/globals';
import { checkKeyCost, secretCost } from './key-cost.ts';
import { parseKeyFile, unwrapKey, wrapKey } from './key-file.ts';
import { createMasterKey, masterKeyBytes } from './master-key.ts';

const key = createMasterKey();
const options = { cost: secretCost, user: 'ada', host: 'kiosk', created: '2026-11-21T18:00:00Z' };

test('the master key comes back with its password and with no other', async () => {
  const { bytes } = await wrapKey(key, 'pässword', options);
  expect(masterKeyBytes(await unwrapKey(bytes, 'pässword'))).toEqual(masterKeyBytes(key));
  await expect(unwrapKey(bytes, 'password')).rejects.toMatchObject({ code: 'wrongPassphrase' });
});

test('a key file tells whose it is, and what slot of ours', async () => {
  const holdfast = { slot: 'owner', sealed: Buffer.from('sealed').toString('base64') } as const;
  const { bytes } = await wrapKey(key, 'x', { ...options, holdfast });
  expect(parseKeyFile(bytes)).toMatchObject({
    user: 'ada',
    host: 'kiosk',
    created: '2026-11-21T18:00:00Z',
    ...secretCost,
    holdfast,
  });
  const { bytes: foreign } = await wrapKey(key, 'x', options);
  expect(parseKeyFile(foreign)).not.toHaveProperty('holdfast');
});

test('what another program keeps under our name does no harm', async () => {
  const { bytes } = await wrapKey(key, 'x', options);
  const bent = Buffer.from(
    JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), holdfast: { slot: 7 } }),
  );
  expect(parseKeyFile(bent)).not.toHaveProperty('holdfast');
  expect(masterKeyBytes(await unwrapKey(bent, 'x'))).toEqual(masterKeyBytes(key));
});

test('any flipped bit of the sealed key is noticed', async () => {
  const { bytes } = await wrapKey(key, 'x', { ...options, cost: { N: 2, r: 1, p: 1 } });
  const json = JSON.parse(bytes.toString()) as { data: string };
  const data = Buffer.from(json.data, 'base64');
  for (let at = 0; at < data.byteLength; at += 1) {
    const flipped = Buffer.from(data);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    const bent = Buffer.from(JSON.stringify({ ...json, data: flipped.toString('base64') }));
    await expect(unwrapKey(bent, 'x')).rejects.toMatchObject({ code: 'wrongPassphrase' });
  }
});

describe('a key file is refused that', () => {
  const cases: [what: string, change: object][] = [
    ['has no salt', { salt: undefined }],
    ['has data that is no base64', { data: '*' }],
    ['derives by something else', { kdf: 'argon2' }],
    ['has text for a parameter', { N: '1024' }],
    ['has no time', { created: 5 }],
  ];
  for (const [what, change] of cases) {
    test(what, async () => {
      const { bytes } = await wrapKey(key, 'x', options);
      const bent = Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), ...change }));
      expect(() => parseKeyFile(bent)).toThrow(expect.objectContaining({ code: 'badKeyFile' }));
    });
  }

  test('is no JSON or too large', () => {
    for (const bytes of [Buffer.from('{'), Buffer.alloc(64 * 1024 + 1, 0x20)]) {
      expect(() => parseKeyFile(bytes)).toThrow(expect.objectContaining({ code: 'badKeyFile' }));
    }
  });
});

describe('a key-derivation bomb is refused before anything is derived', () => {
  const bombs = [
    { N: 2 ** 31, r: 8, p: 1 },
    { N: 2 ** 21, r: 1, p: 1 },
    { N: 2 ** 20, r: 8, p: 1 },
    { N: 2 ** 17, r: 32, p: 1 },
    { N: 2 ** 15, r: 8, p: 65 },
    { N: 2 ** 18, r: 8, p: 9 },
    { N: 2, r: 33, p: 1 },
    { N: 2, r: 2 ** 30, p: 2 ** 30 },
    { N: 3, r: 8, p: 1 },
    { N: 1, r: 8, p: 1 },
    { N: 0, r: 8, p: 1 },
    { N: -(2 ** 31), r: 8, p: 1 },
    { N: 1024.5, r: 8, p: 1 },
    { N: 1024, r: 0, p: 1 },
    { N: 1024, r: 8, p: 0.5 },
  ];
  for (const cost of bombs) {
    test(`N = ${cost.N}, r = ${cost.r}, p = ${cost.p}`, async () => {
      expect(() => checkKeyCost(cost)).toThrow(expect.objectContaining({ code: 'badKeyFile' }));
      const { bytes } = await wrapKey(key, 'x', options);
      const bomb = Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), ...cost }));
      await expect(unwrapKey(bomb, 'x')).rejects.toMatchObject({ code: 'badKeyFile' });
    });
  }

  test('and what restic writes is not', () => {
    for (const p of [1, 7, 64]) expect(() => checkKeyCost({ N: 2 ** 15, r: 8, p })).not.toThrow();
    expect(() => checkKeyCost({ N: 2 ** 16, r: 8, p: 1 })).not.toThrow();
  });
});
