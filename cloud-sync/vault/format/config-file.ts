import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { isIrreducible, randomIrreduciblePolynomial } from './polynomial.ts';
import type { Sealer } from './sealer.ts';
import type { RepositoryVersion } from './unpacked-file.ts';

export type RepositoryConfig = {
  readonly version: RepositoryVersion;
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Of restic's chunker, hexadecimal. */
  readonly chunkerPolynomial: string;
};

// Loose: another restic may know more keys.
const schema = z.object({
  version: z.union([z.literal(1), z.literal(2)]),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  chunker_polynomial: z.string().regex(/^[0-9a-f]{1,16}$/),
});

/** Sealed bytes of `config`, at most. */
export const maxConfigBytes = 64 * 1024;

export function createConfig(): RepositoryConfig {
  return {
    version: 2,
    id: randomBytes(32).toString('hex'),
    chunkerPolynomial: randomIrreduciblePolynomial().toString(16),
  };
}

/** Never compressed, in any version. */
export function encodeConfig(sealer: Sealer, { version, id, chunkerPolynomial }: RepositoryConfig): Buffer {
  return sealer.seal(Buffer.from(JSON.stringify({ version, id, chunker_polynomial: chunkerPolynomial })));
}

/** Rejects with `corrupt`. */
export function decodeConfig(sealer: Sealer, bytes: Uint8Array): RepositoryConfig {
  const parsed = schema.safeParse(parse(sealer.open(bytes)));
  if (!parsed.success || !isIrreducible(BigInt(`0x${parsed.data.chunker_polynomial}`))) {
    throw new SyncError('corrupt', 'The config of the repository is not of format version 1 or 2', {
      cause: parsed.error,
    });
  }
  const { version, id, chunker_polynomial: chunkerPolynomial } = parsed.data;
  return { version, id, chunkerPolynomial };
}

function parse(plain: Buffer): unknown {
  try {
    return JSON.parse(plain.toString()) as unknown;
  } catch {
    return undefined;
  }
}
