import { decodeBase64, encodeBase64 } from './base64.ts';
import { domString } from './convert.ts';
import { DOMException } from './dom-exception.ts';

const pieceChars = 8192;

/** HTML §8.3 */
export function btoa(data: unknown): string {
  if (arguments.length === 0) throw new TypeError('btoa needs text');
  const text = domString(data);
  if (/[^\0-\xff]/.test(text))
    throw new DOMException('btoa takes characters up to U+00FF only', 'InvalidCharacterError');
  return encodeBase64(Uint8Array.from(text, (symbol) => symbol.charCodeAt(0)));
}

/** Infra §7: white space is left out, padding may be. */
export function atob(data: unknown): string {
  if (arguments.length === 0) throw new TypeError('atob needs text');
  let text = domString(data).replace(/[\t\n\f\r ]+/g, '');
  if (text.length % 4 === 0) text = text.replace(/={1,2}$/, '');
  if (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text))
    throw new DOMException('The text is not base64', 'InvalidCharacterError');
  const bytes = decodeBase64(text);
  let output = '';
  for (let at = 0; at < bytes.length; at += pieceChars) {
    output += String.fromCharCode(...bytes.subarray(at, at + pieceChars));
  }
  return output;
}
