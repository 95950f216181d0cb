import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync } from 'node:zlib';

const zstd = promisify(zstdCompress);
/** A higher level costs more of a small machine's time than it spares of its link. */
const params = { [constants.ZSTD_c_compressionLevel]: 1 };

/**
 * Bytes of JSON up to which a batch is compressed at once, within a millisecond or so. What waits for another thread lives
 * long enough to become old garbage, of which a long backlog made 100 MB.
 */
const inlineBytes = 256 * 1024;

/** Makes batches ready for the wire. The text of each goes through the same memory. */
export class BatchCompressor {
  readonly #bytes = Buffer.allocUnsafeSlow(inlineBytes);

  async compress(text: string): Promise<Uint8Array> {
    // No UTF-16 code unit takes more than three bytes.
    const isSmall = text.length * 3 <= inlineBytes || Buffer.byteLength(text) <= inlineBytes;
    if (!isSmall) return zstd(text, { params });
    const length = this.#bytes.write(text, 'utf8');
    return zstdCompressSync(this.#bytes.subarray(0, length), { params, pledgedSrcSize: length });
  }
}
