import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { SyncError } from '../errors.ts';
import {
  checkRelayColumns,
  encodeRelayBatch,
  relayBatchMaxJsonBytes,
  type CheckedRelayColumns,
  type RelayBatch,
} from '../protocol/relay-batch.ts';

/** Whatever a frame's header asks for, decompressing takes at most 2^23 bytes beside the output. */
export const maxWindowLog = 23;

/** The body of a segment: what a device sends as a batch, and nothing else. */
export function packBody(batch: Omit<RelayBatch, 'lastSeq'>): Uint8Array {
  return zstdCompressSync(encodeRelayBatch(batch));
}

/** Reads the body of the segment `id` back. @throws SyncError 'corrupt' when it is none any more. [G8] */
export function unpackBody(id: number, body: Uint8Array): CheckedRelayColumns {
  const checked = read(id, body);
  if (typeof checked === 'string') throw corrupt(id, checked);
  return checked;
}

function read(id: number, body: Uint8Array): CheckedRelayColumns | string {
  try {
    const json = zstdDecompressSync(body, {
      maxOutputLength: relayBatchMaxJsonBytes,
      params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
    });
    return checkRelayColumns(JSON.parse(json.toString('utf8')));
  } catch (cause) {
    throw corrupt(id, 'is no zstd frame of JSON', cause);
  }
}

const corrupt = (id: number, why: string, cause?: unknown) =>
  new SyncError('corrupt', `The body of the stored segment ${id} ${why}`, {
    cause,
    hint: 'Put back a copy of the cloud folder; other segments can still be read.',
  });
