import type { Api } from '../api.ts';

const standard = 'Web Cryptography';
const digest = (name: string, hexText: string) =>
  `hex(await crypto.subtle.digest('${name}', utf8('abc'))) === '${hexText}'`;
const hmac = `await crypto.subtle.importKey('raw', utf8('key'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])`;
const signs = (make: string, use: string) =>
  `(async () => { const pair = await crypto.subtle.generateKey(${make}, false, ['sign', 'verify']); const s = await crypto.subtle.sign(${use}, pair.privateKey, utf8('m')); return (await crypto.subtle.verify(${use}, pair.publicKey, s, utf8('m'))) && !(await crypto.subtle.verify(${use}, pair.publicKey, s, utf8('n'))); })()`;
const encrypts = (name: string, parameters: string) =>
  `(async () => { const key = await crypto.subtle.generateKey({ name: '${name}', length: 256 }, false, ['encrypt', 'decrypt']); const a = { name: '${name}', ${parameters} }; const c = await crypto.subtle.encrypt(a, key, utf8('secret')); return hex(c) !== hex(utf8('secret')) && new TextDecoder().decode(await crypto.subtle.decrypt(a, key, c)) === 'secret'; })()`;
const trip = (format: string, make: string, usages: string, which: string) =>
  `(async () => { const made = await crypto.subtle.generateKey(${make}, true, ['sign', 'verify']); const out = await crypto.subtle.exportKey('${format}', made.${which}); const back = await crypto.subtle.importKey('${format}', out, ${make}, true, ${usages}); return JSON.stringify(await crypto.subtle.exportKey('jwk', back)) === JSON.stringify(await crypto.subtle.exportKey('jwk', made.${which})); })()`;
const p256 = `{ name: 'ECDSA', namedCurve: 'P-256' }`;

export const cryptography: readonly Api[] = [
  {
    name: 'crypto',
    standard,
    checks: {
      'is a Crypto': `crypto instanceof Crypto && Object.prototype.toString.call(crypto) === '[object Crypto]'`,
    },
  },
  {
    name: 'Crypto',
    standard,
    checks: {
      'is not constructed': `throws(() => new Crypto(), 'TypeError')`,
      'fills arrays with random values': `(() => { const a = crypto.getRandomValues(new Uint8Array(64)); return a.some((byte) => byte !== a[0]); })()`,
      'fills other integer arrays': `crypto.getRandomValues(new BigUint64Array(2)).length === 2 && crypto.getRandomValues(new Int16Array(3)).length === 3`,
      'returns the array it was given': `(() => { const a = new Uint32Array(4); return crypto.getRandomValues(a) === a; })()`,
      'fills only the view': `(() => { const b = new Uint8Array(64); crypto.getRandomValues(b.subarray(16, 48)); return b.subarray(0, 16).every((x) => x === 0) && b.subarray(48).every((x) => x === 0); })()`,
      'refuses floats': `throws(() => crypto.getRandomValues(new Float32Array(1)), 'TypeMismatchError')`,
      'gives 65,536 bytes at most': `throws(() => crypto.getRandomValues(new Uint8Array(65537)), 'QuotaExceededError') && crypto.getRandomValues(new Uint8Array(65536)).length === 65536`,
      'makes UUIDs of version 4': `/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())`,
      'makes another each time': `new Set(Array.from({ length: 500 }, () => crypto.randomUUID())).size === 500`,
    },
  },
  {
    name: 'SubtleCrypto',
    standard,
    deviation:
      'The host process does the work, at most 4 MiB a call and one call of a function at a time; its CPU time is estimated and counts. Only while an event is handled. PBKDF2 has at most 1,000,000 iterations and gives 4096 bits, RSA has 4096 bits and an exponent of 64.',
    checks: {
      'is not constructed': `throws(() => new SubtleCrypto(), 'TypeError') && crypto.subtle instanceof SubtleCrypto`,
      'digests with SHA-1': digest('SHA-1', 'a9993e364706816aba3e25717850c26c9cd0d89d'),
      'digests with SHA-256': digest(
        'SHA-256',
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      ),
      'digests with SHA-384': digest(
        'SHA-384',
        'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
      ),
      'digests with SHA-512': digest(
        'SHA-512',
        'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
      ),
      'does not care for the case of names': `(await crypto.subtle.digest('sha-256', utf8(''))).byteLength === 32`,
      'takes views': `hex(await crypto.subtle.digest('SHA-1', new DataView(utf8('xabcx').buffer, 1, 3))) === 'a9993e364706816aba3e25717850c26c9cd0d89d'`,
      'refuses MD5': `await rejects(crypto.subtle.digest('MD5', utf8('')), 'NotSupportedError')`,
      'refuses text': `await rejects(crypto.subtle.digest('SHA-1', 'abc'), 'TypeError')`,
      'signs with HMAC': `hex(await crypto.subtle.sign('HMAC', ${hmac}, utf8('The quick brown fox jumps over the lazy dog'))) === 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8'`,
      'verifies HMAC': `(async () => { const key = ${hmac}; const s = await crypto.subtle.sign('HMAC', key, utf8('m')); return (await crypto.subtle.verify('HMAC', key, s, utf8('m'))) && !(await crypto.subtle.verify('HMAC', key, s, utf8('n'))); })()`,
      'signs with ECDSA P-256': signs(p256, `{ name: 'ECDSA', hash: 'SHA-256' }`),
      'signs with ECDSA P-384': signs(
        `{ name: 'ECDSA', namedCurve: 'P-384' }`,
        `{ name: 'ECDSA', hash: 'SHA-384' }`,
      ),
      'signs with Ed25519': signs(`'Ed25519'`, `'Ed25519'`),
      'signs with RSASSA-PKCS1-v1_5': signs(
        `{ name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: bytes(1, 0, 1), hash: 'SHA-256' }`,
        `'RSASSA-PKCS1-v1_5'`,
      ),
      'verifies Ed25519 of RFC 8032': `await crypto.subtle.verify('Ed25519', await crypto.subtle.importKey('raw', fromHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'), 'Ed25519', true, ['verify']), fromHex('92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'), bytes(0x72))`,
      'encrypts with AES-GCM': encrypts('AES-GCM', `iv: new Uint8Array(12), additionalData: utf8('x')`),
      'encrypts with AES-CBC': encrypts('AES-CBC', `iv: new Uint8Array(16)`),
      'encrypts with AES-CTR': encrypts('AES-CTR', `counter: new Uint8Array(16), length: 64`),
      'encrypts AES-GCM as others do': `hex(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']), new Uint8Array(16))) === '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf'`,
      'refuses a forged text': `(async () => { const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt', 'decrypt']); const a = { name: 'AES-GCM', iv: new Uint8Array(12) }; const c = new Uint8Array(await crypto.subtle.encrypt(a, key, utf8('x'))); c[0] ^= 1; return rejects(crypto.subtle.decrypt(a, key, c), 'OperationError'); })()`,
      'encrypts with RSA-OAEP': `(async () => { const pair = await crypto.subtle.generateKey({ name: 'RSA-OAEP', modulusLength: 2048, publicExponent: bytes(1, 0, 1), hash: 'SHA-256' }, false, ['encrypt', 'decrypt']); const c = await crypto.subtle.encrypt('RSA-OAEP', pair.publicKey, utf8('x')); return new TextDecoder().decode(await crypto.subtle.decrypt('RSA-OAEP', pair.privateKey, c)) === 'x'; })()`,
      'derives with PBKDF2': `hex(await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: utf8('salt'), iterations: 2 }, await crypto.subtle.importKey('raw', utf8('password'), 'PBKDF2', false, ['deriveBits']), 160)) === 'ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957'`,
      'derives with HKDF': `hex(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: fromHex('000102030405060708090a0b0c'), info: fromHex('f0f1f2f3f4f5f6f7f8f9') }, await crypto.subtle.importKey('raw', fromHex('0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b'), 'HKDF', false, ['deriveBits']), 336)) === '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865'`,
      'agrees with ECDH': `(async () => { const make = () => crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits']); const [a, b] = [await make(), await make()]; const one = (mine, theirs) => crypto.subtle.deriveBits({ name: 'ECDH', public: theirs.publicKey }, mine.privateKey, 256); return hex(await one(a, b)) === hex(await one(b, a)); })()`,
      'derives keys': `(async () => { const base = await crypto.subtle.importKey('raw', utf8('password'), 'PBKDF2', false, ['deriveKey']); const key = await crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: utf8('s'), iterations: 10 }, base, { name: 'AES-GCM', length: 256 }, true, ['encrypt']); return key.algorithm.length === 256 && (await crypto.subtle.exportKey('raw', key)).byteLength === 32; })()`,
      'bounds iterations': `await rejects(crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: utf8('s'), iterations: 1000001 }, await crypto.subtle.importKey('raw', utf8('p'), 'PBKDF2', false, ['deriveBits']), 8), 'OperationError')`,
      'exports and imports spki': trip('spki', p256, `['verify']`, 'publicKey'),
      'exports and imports pkcs8': trip('pkcs8', p256, `['sign']`, 'privateKey'),
      'exports and imports jwk': trip('jwk', p256, `['sign']`, 'privateKey'),
      'exports and imports raw public keys': trip('raw', p256, `['verify']`, 'publicKey'),
      'imports a secret jwk': `hex(await crypto.subtle.exportKey('raw', await crypto.subtle.importKey('jwk', { kty: 'oct', k: 'AQID', alg: 'HS256', ext: true }, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']))) === '010203'`,
      'refuses a jwk that is not to be extracted': `await rejects(crypto.subtle.importKey('jwk', { kty: 'oct', k: 'AQID', ext: false }, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']), 'DataError')`,
      'refuses keys of a wrong size': `await rejects(crypto.subtle.importKey('raw', new Uint8Array(5), 'AES-GCM', false, ['encrypt']), 'DataError')`,
      'refuses usages that do not fit': `await rejects(crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['sign']), 'SyntaxError')`,
      'keeps secret what is not extractable': `await rejects(crypto.subtle.exportKey('raw', ${hmac}), 'InvalidAccessError')`,
      'keeps keys to their usages': `await rejects(crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['decrypt']), utf8('x')), 'InvalidAccessError')`,
      'keeps keys to their algorithm': `await rejects(crypto.subtle.sign('HMAC', await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']), utf8('x')), 'InvalidAccessError')`,
      'wraps with AES-KW as RFC 3394 does': `hex(await crypto.subtle.wrapKey('raw', await crypto.subtle.importKey('raw', fromHex('00112233445566778899aabbccddeeff'), 'AES-GCM', true, ['encrypt']), await crypto.subtle.importKey('raw', fromHex('000102030405060708090a0b0c0d0e0f'), 'AES-KW', false, ['wrapKey']), 'AES-KW')) === '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5'`,
      'wraps and unwraps with AES-KW': `(async () => { const wrapping = await crypto.subtle.generateKey({ name: 'AES-KW', length: 256 }, false, ['wrapKey', 'unwrapKey']); const key = await crypto.subtle.importKey('raw', new Uint8Array(16).fill(7), 'AES-CBC', true, ['encrypt']); for (const format of ['raw', 'jwk']) { const wrapped = await crypto.subtle.wrapKey(format, key, wrapping, 'AES-KW'); const back = await crypto.subtle.unwrapKey(format, wrapped, wrapping, 'AES-KW', 'AES-CBC', true, ['encrypt']); if (hex(await crypto.subtle.exportKey('raw', back)) !== '07'.repeat(16)) return format; } return true; })()`,
      'refuses what AES-KW cannot wrap, and what is forged': `(async () => { const wrapping = await crypto.subtle.generateKey({ name: 'AES-KW', length: 128 }, false, ['wrapKey', 'unwrapKey']); const short = await crypto.subtle.importKey('raw', bytes(1, 2, 3), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']); return (await rejects(crypto.subtle.wrapKey('raw', short, wrapping, 'AES-KW'), 'OperationError')) && (await rejects(crypto.subtle.unwrapKey('raw', new Uint8Array(24), wrapping, 'AES-KW', 'AES-GCM', true, ['encrypt']), 'OperationError')) && (await rejects(crypto.subtle.generateKey({ name: 'AES-KW', length: 128 }, true, ['encrypt']), 'SyntaxError')); })()`,
      'wraps and unwraps': `(async () => { const wrapping = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['wrapKey', 'unwrapKey']); const key = await crypto.subtle.importKey('raw', bytes(1, 2, 3), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']); const a = { name: 'AES-GCM', iv: new Uint8Array(12) }; const wrapped = await crypto.subtle.wrapKey('jwk', key, wrapping, a); const back = await crypto.subtle.unwrapKey('jwk', wrapped, wrapping, a, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']); return hex(await crypto.subtle.exportKey('raw', back)) === '010203'; })()`,
    },
  },
  {
    name: 'CryptoKey',
    standard,
    checks: {
      'is not constructed': `throws(() => new CryptoKey(), 'TypeError')`,
      'tells type, algorithm and usages': `(async () => { const key = ${hmac}; return key instanceof CryptoKey && key.type === 'secret' && key.extractable === false && key.algorithm.name === 'HMAC' && key.algorithm.hash.name === 'SHA-256' && same(key.usages, ['sign', 'verify']); })()`,
      'is cloned': `(async () => { const key = structuredClone(${hmac}); return (await crypto.subtle.sign('HMAC', key, utf8('m'))).byteLength === 32; })()`,
      'shows nothing of its material': `(async () => { const key = ${hmac}; return Reflect.ownKeys(key).length === 0 && JSON.stringify(key) === '{}'; })()`,
    },
  },
];
