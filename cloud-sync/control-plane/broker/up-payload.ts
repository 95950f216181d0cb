import { promisify } from 'node:util';
import { constants, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import type { z } from 'zod';
import { SyncError } from '../../errors.ts';
import {
  checkRelayColumns,
  relayBatchMaxJsonBytes,
  type CheckedRelayColumns,
} from '../../protocol/relay-batch.ts';
import { maxWindowLog } from '../relay-body.ts';

const decompress = promisify(zstdDecompress);

/** Payloads up to this size are decompressed at once: going to another thread would cost more. */
const inlineBytes = 64 * 1024;

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

export type ReadBatch = CheckedRelayColumns & {
  /** As it came. */
  readonly payload: Uint8Array;
  /** What it took in memory, roughly. */
  readonly jsonBytes: number;
};

/**
 * Reads a zstd-compressed batch; the output is bounded whatever the input. A large one is decompressed off this thread.
 * Rejects with SyncError 'badRequest'.
 */
export async function readRelayBatch(payload: Uint8Array): Promise<ReadBatch> {
  const options = {
    maxOutputLength: relayBatchMaxJsonBytes,
    params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
  };
  let json: Uint8Array;
  try {
    const isSmall = payload.byteLength <= inlineBytes;
    json = isSmall ? zstdDecompressSync(payload, options) : await decompress(payload, options);
  } catch (cause) {
    throw nonsense(`is no zstd frame of at most ${relayBatchMaxJsonBytes} bytes`, cause);
  }
  const checked = checkRelayColumns(parseJson(json));
  if (typeof checked === 'string') throw nonsense(checked);
  return { ...checked, payload, jsonBytes: json.byteLength };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw nonsense('is not JSON in UTF-8', cause);
  }
}

// RFC 8259 §8.1 has no byte order mark; left out here, it would stand in the way of who reads the body back.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const nonsense = (why: string, cause?: unknown) =>
  new SyncError('badRequest', `The message of the device ${why}`, { cause });
