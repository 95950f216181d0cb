import { describe, expect, test } from '@jest/globals';
import { createPacketMeter } from './mqtt-packet-limit.ts';

const limits = { connectBytes: 100, packetBytes: 1000 };
const connect = [0x10, 2, 0, 0];

describe('the packet meter', () => {
  test('accepts packets within their limits, in any pieces', () => {
    const bytes = Uint8Array.from([...connect, 0xc0, 0, 0x30, 0xe8, 0x07, ...new Uint8Array(1000), 0xc0, 0]);
    const whole = createPacketMeter(limits);
    expect(whole(bytes)).toBe(true);
    const piecewise = createPacketMeter(limits);
    expect([...bytes].every((byte) => piecewise(Uint8Array.of(byte)))).toBe(true);
  });

  test('refuses a packet by its header, before any of its body', () => {
    const accepts = createPacketMeter(limits);
    expect(accepts(Uint8Array.from(connect))).toBe(true);
    expect(accepts(Uint8Array.of(0x30, 0xe9, 0x07))).toBe(false);
    expect(accepts(Uint8Array.of(0))).toBe(false);
  });

  test('holds the first packet to the smaller limit of a CONNECT', () => {
    expect(createPacketMeter(limits)(Uint8Array.of(0x10, 101))).toBe(false);
    expect(createPacketMeter(limits)(Uint8Array.of(0x10, 100))).toBe(true);
  });

  test('refuses a connection that does not begin with CONNECT', () => {
    expect(createPacketMeter(limits)(Uint8Array.of(0x30, 2))).toBe(false);
  });

  test('refuses a length of more than four bytes', () => {
    const accepts = createPacketMeter({ connectBytes: 2 ** 40, packetBytes: 2 ** 40 });
    expect(accepts(Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0xff))).toBe(false);
  });
});
