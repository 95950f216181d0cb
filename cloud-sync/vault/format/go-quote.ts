import { SyncError } from '../../errors.ts';
import { bytesOfName, nameOfBytes } from './name-bytes.ts';

/** Neither needs quoting: what nearly all names are made of. */
const plain = /^[ !#-[\]-~]*$/;
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const shortEscapes = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);
const charactersOfEscapes = new Map([...shortEscapes].map(([character, escape]) => [escape, character]));

/** What Go's strconv.Quote puts between its quotes: how restic writes names, for JSON has no bytes that are no UTF-8. */
export function goQuote(name: string): string {
  if (plain.test(name)) return name;
  return Array.from(name, quoteCharacter).join('');
}

function quoteCharacter(character: string): string {
  const short = shortEscapes.get(character);
  if (short !== undefined) return short;
  if (!character.isWellFormed()) return `\\x${bytesOfName(character).toString('hex')}`;
  if (printable.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

const escapes = /\\(?:[abfnrtv\\"]|x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|["\\\n]/g;

/** The name that was quoted. Rejects what Go would not have written with `corrupt`. */
export function goUnquote(quoted: string): string {
  if (plain.test(quoted)) return quoted;
  const name = quoted.toWellFormed().replace(escapes, (escape) => unescape(escape, quoted));
  // Bytes that were written one by one may make a character together.
  return name.isWellFormed() ? name : nameOfBytes(bytesOfName(name));
}

function unescape(escape: string, quoted: string): string {
  const character = charactersOfEscapes.get(escape);
  if (character !== undefined) return character;
  const code = codeOf(escape);
  if (code === undefined) {
    throw new SyncError('corrupt', `The name ${JSON.stringify(quoted)} is not quoted as names in trees are`);
  }
  const isByte = escape[1] !== 'u' && escape[1] !== 'U';
  return isByte && code >= 0x80 ? String.fromCharCode(0xdc00 + code) : String.fromCodePoint(code);
}

/** The byte or code point; undefined for none. */
function codeOf(escape: string): number | undefined {
  if (escape.length < 4) return undefined;
  const octal = /^\\[0-7]/.test(escape);
  const code = octal ? parseInt(escape.slice(1), 8) : parseInt(escape.slice(2), 16);
  if (octal && code > 0xff) return undefined;
  return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? undefined : code;
}
