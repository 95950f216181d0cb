import { expect, test } from '@jest/globals';
import { executableKind } from './executable-kind.ts';

/** A 64-bit, little-endian head with one program header, of the loader's name. */
function elf(machine: number, loader: string): Buffer {
  const head = Buffer.alloc(256);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(machine, 18);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(3, 64);
  head.writeBigUInt64LE(128n, 72);
  head.writeBigUInt64LE(BigInt(loader.length + 1), 96);
  head.write(loader, 128);
  return head;
}

test('a program says its processor and its loader', () => {
  const whole = elf(62, '/lib/ld.so');
  expect(executableKind(whole)).toEqual({ kind: 'elf', machine: 62, loader: '/lib/ld.so' });
  expect(executableKind(whole.subarray(0, 130))).toEqual({ kind: 'elf', machine: 62, loader: undefined });
  expect(executableKind(whole.subarray(0, 20))).toEqual({ kind: 'elf', machine: 62, loader: undefined });
  // Sizes that lead out of what was read, or nowhere.
  whole.writeBigUInt64LE(2n ** 64n - 1n, 32);
  expect(executableKind(whole)).toEqual({ kind: 'elf', machine: 62, loader: undefined });
});

test('a script says its interpreter, and anything else is no program', () => {
  expect(executableKind(Buffer.from('#! /usr/bin/env node\n'))).toEqual({
    kind: 'script',
    interpreter: '/usr/bin/env',
  });
  for (const text of ['', '#!', '#!\n', 'echo hello\n']) {
    expect(executableKind(Buffer.from(text))).toEqual({ kind: 'none' });
  }
});
