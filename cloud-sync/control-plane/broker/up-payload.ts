import { promisify } from 'node:util';
import { constants, zstdDecompress } from 'node:zlib';
import type { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { decodeRelayBatch, relayBatchMaxJsonBytes, type RelayBatch } from '../../protocol/relay-batch.ts';

const decompress = promisify(zstdDecompress);

/** Whatever a frame's header asks for, decompressing takes at most 2^23 bytes beside the output. */
const maxWindowLog = 23;

/** Parses JSON that came from a device. @throws SyncError 'badRequest' */
export function readJson<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
  maxBytes: number,
): z.output<Schema> {
  if (bytes.byteLength > maxBytes) throw nonsense(`is larger than ${maxBytes} bytes`);
  const result = schema.safeParse(parseJson(bytes));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw nonsense(`does not fit its schema at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  return result.data;
}

/** Reads a zstd-compressed batch; the output is bounded whatever the input. Rejects with SyncError 'badRequest'. */
export async function readRelayBatch(payload: Uint8Array): Promise<RelayBatch> {
  const json = await decompress(payload, {
    maxOutputLength: relayBatchMaxJsonBytes,
    params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
  }).catch((cause: unknown) => {
    throw nonsense(`is no zstd frame of at most ${relayBatchMaxJsonBytes} bytes`, cause);
  });
  const batch = decodeRelayBatch(parseJson(json));
  if (typeof batch === 'string') throw nonsense(batch);
  return batch;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw nonsense('is not JSON in UTF-8', cause);
  }
}

const nonsense = (why: string, cause?: unknown) =>
  new SyncError('badRequest', `The message of the device ${why}`, { cause });
