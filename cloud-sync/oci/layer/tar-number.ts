import { badArchive } from './bad-archive.ts';
import type { TarField } from './tar-format.ts';

/** A number of a header: octal text, or GNU's base-256 (two's complement). Throws `badArchive` for anything else. */
export function tarNumber(header: Buffer, { at, bytes }: TarField): number {
  const field = header.subarray(at, at + bytes);
  const number = ((field[0] ?? 0) & 0x80) === 0 ? octal(field) : base256(field);
  if (number === undefined || !Number.isSafeInteger(number))
    throw badArchive(
      `a number of a header is none: ${field.toString('latin1').replaceAll('\0', ' ').trim()}`,
    );
  return number;
}

/** Blanks stand before it in some dialects, a blank or NUL ends it; an empty field is 0. */
function octal(field: Buffer): number | undefined {
  const text = field
    .toString('latin1')
    .replace(/^ +/, '')
    .replace(/[ \0].*$/s, '');
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function base256(field: Buffer): number {
  const isNegative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = BigInt((field[0] ?? 0) & 0x7f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  if (isNegative) value -= 1n << BigInt(8 * field.length - 1);
  return Number(value);
}
