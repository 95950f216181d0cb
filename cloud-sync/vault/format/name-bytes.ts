import { isUtf8 } from 'node:buffer';
import { SyncError } from '../../errors.ts';

/** Where a byte that is no UTF-8 stands in a name: U+DC80 to U+DCFF (PEP 383). A name of valid UTF-8 has no lone surrogates. */
const escapeBase = 0xdc00;

export function nameOfBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString();
  let name = '';
  for (let at = 0; at < buffer.byteLength;) {
    const lead = buffer[at] ?? 0;
    const character = buffer.subarray(at, at + sequenceBytes(lead));
    const valid = isUtf8(character);
    name += valid ? character.toString() : String.fromCharCode(escapeBase + lead);
    at += valid ? character.byteLength : 1;
  }
  return name;
}

/** Bytes of a UTF-8 sequence that starts with `lead`; 1 too for what starts none. */
function sequenceBytes(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

/** The reverse of `nameOfBytes`. Rejects surrogates that stand for no byte with `badRequest`. */
export function bytesOfName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  return Buffer.concat(Array.from(name, (character) => bytesOfCharacter(character, name)));
}

function bytesOfCharacter(character: string, name: string): Buffer {
  if (character.isWellFormed()) return Buffer.from(character);
  const byte = character.charCodeAt(0) - escapeBase;
  if (byte >= 0x80 && byte <= 0xff) return Buffer.of(byte);
  throw new SyncError(
    'badRequest',
    `The name ${JSON.stringify(name)} has a surrogate that stands for no byte`,
  );
}

/** Order of the names' bytes, as trees are sorted. That of the text is another from the surrogates on. */
export function compareNames(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (left === right) continue;
    if (left < 0xd800 && right < 0xd800) return left - right;
    return Buffer.compare(bytesOfName(one), bytesOfName(other));
  }
  return one.length - other.length;
}
