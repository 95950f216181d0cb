import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../../test/support/random.ts';
import { createMasterKey, masterKeyFrom } from './master-key.ts';
import { sealOverheadBytes, Sealer } from './sealer.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

/** Appendix B of "The Poly1305-AES message-authentication code" (Bernstein, 2005). */
const paper = [
  {
    message: 'f3f6',
    r: '851fc40c3467ac0be05cc20404f3f700',
    k: 'ec074c835580741701425b623235add6',
    nonce: 'fb447350c4e868c52ac3275cf9d4327e',
    code: 'f4c633c3044fc145f84f335cb81953de',
  },
  {
    message: '',
    r: 'a0f3080000f46400d0c7e9076c834403',
    k: '75deaa25c09f208e1dc4ce6b5cad3fbf',
    nonce: '61ee09218d29b0aaed7e154a2c5509cc',
    code: 'dd3fab2251f11ac759f0887129cc2ee7',
  },
  {
    message: '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
    r: '48443d0bb0d21109c89a100b5ce2c208',
    k: '6acb5f61a7176dd320c5c1eb2edcdc74',
    nonce: 'ae212a55399729595dea458bc621ff0e',
    code: '0ee1c16bb73f0f4fd19881753c01cdbe',
  },
  {
    message:
      'ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9',
    r: '12976a08c4426d0ce8a82407c4f48207',
    k: 'e1a5668a4d5b66a5f68cc5424ed5982d',
    nonce: '9ae831e743978d3a23527c7128149e3a',
    code: '5154ad0d2cb26e01274fc51148491f1b',
  },
];

describe('the authentication codes of the paper on Poly1305-AES', () => {
  for (const { message, r, k, nonce, code } of paper) {
    const sealer = new Sealer(masterKeyFrom(Buffer.concat([Buffer.alloc(32), hex(k), hex(r)])));

    test(`are accepted for ${message.length / 2} bytes`, () => {
      const plain = sealer.open(hex(nonce + message + code));
      expect(plain.byteLength).toBe(message.length / 2);
    });

    test(`are refused for ${message.length / 2} bytes with any bit flipped`, () => {
      const whole = hex(nonce + message + code);
      for (let bit = 0; bit < whole.byteLength * 8; bit += 1) {
        const flipped = Buffer.from(whole);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => sealer.open(flipped)).toThrow(expect.objectContaining({ code: 'corrupt' }));
      }
    });
  }
});

test('what was sealed opens to the same bytes, whatever their number, and under the same key only', () => {
  const random = seededRandom(1);
  const sealer = new Sealer(createMasterKey());
  const stranger = new Sealer(createMasterKey());
  for (let round = 0; round < 600; round += 1) {
    const plain = Buffer.from(Array.from({ length: random() * 300 }, () => random() * 256));
    const sealed = sealer.seal(plain);
    expect(sealed.byteLength).toBe(plain.byteLength + sealOverheadBytes);
    expect(sealer.open(sealed).equals(plain)).toBe(true);
    expect(() => stranger.open(sealed)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  }
});

test('no initialisation vector comes twice, nor do results change behind their owner', () => {
  const sealer = new Sealer(createMasterKey());
  const sealed = Array.from({ length: 1000 }, () => sealer.seal(Buffer.from('the same')));
  const texts = sealed.map((bytes) => bytes.toString('hex'));
  expect(new Set(texts.map((text) => text.slice(0, 32))).size).toBe(1000);
  for (const bytes of sealed) expect(sealer.open(bytes).toString()).toBe('the same');
});

test('less than an initialisation vector and a code are refused', () => {
  const sealer = new Sealer(createMasterKey());
  for (const length of [0, 1, 16, 31]) {
    expect(() => sealer.open(Buffer.alloc(length))).toThrow(expect.objectContaining({ code: 'corrupt' }));
  }
});

test('sealing into memory fills exactly what it is given, and refuses any other length', () => {
  const sealer = new Sealer(createMasterKey());
  const memory = Buffer.alloc(200, 1);
  const place = memory.subarray(50, 50 + 40 + sealOverheadBytes);
  sealer.sealInto(place, Buffer.alloc(40, 7));
  expect(sealer.open(Buffer.from(place)).equals(Buffer.alloc(40, 7))).toBe(true);
  expect(memory.subarray(0, 50).equals(Buffer.alloc(50, 1))).toBe(true);
  expect(memory.subarray(122).equals(Buffer.alloc(78, 1))).toBe(true);
  for (const length of [39, 41, 0]) {
    expect(() => sealer.sealInto(place, Buffer.alloc(length))).toThrow(RangeError);
  }
});
