import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { errorCode } from '../../lib/error-code.ts';
import { AgentError } from '../errors.ts';

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  br: promisify(brotliDecompress),
  deflate: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) =>
    // Half of the web means the format of RFC 1950 by it, the other half that of RFC 1951.
    promisify(((bytes[0] ?? 0) & 0x0f) === 8 ? inflate : inflateRaw)(bytes, options),
} as const;

/** One is usual; a bomb in several shells is not opened. */
const maxCodings = 2;

/** The codings of a Content-Encoding header that can be undone, outermost last; undefined for others. */
export function codingsOf(contentEncoding: string): (keyof typeof decoders)[] | undefined {
  const names = contentEncoding
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  return names.length <= maxCodings && names.every(isKnown) ? names : undefined;
}

/** Rejects with AgentError 'tooLarge' as soon as more than `maxBytes` come out of it, or 'badMessage'. */
export async function decodeBody(
  bytes: Uint8Array,
  codings: readonly (keyof typeof decoders)[],
  maxBytes: number,
): Promise<Uint8Array> {
  let decoded = bytes;
  for (const coding of codings.toReversed()) {
    if (decoded.byteLength === 0) return decoded;
    try {
      decoded = await decoders[coding](decoded, { maxOutputLength: maxBytes });
    } catch (cause) {
      if (errorCode(cause) === 'ERR_BUFFER_TOO_LARGE')
        throw new AgentError('tooLarge', `The response is larger than ${maxBytes} bytes when it is unpacked`);
      throw new AgentError('badMessage', `The response is not the ${coding} that it says it is`, { cause });
    }
  }
  return decoded;
}

function isKnown(name: string): name is keyof typeof decoders {
  return Object.hasOwn(decoders, name);
}
