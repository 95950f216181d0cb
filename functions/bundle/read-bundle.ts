import type { z } from 'zod';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { FunctionError } from '../function-error.ts';
import {
  bundleConfigSchema,
  bundleLimits,
  bundleManifestSchema,
  mediaTypes,
  type BundleConfig,
  type BundleFileEntry,
  type Descriptor,
} from './format.ts';

/** A verified bundle, ready to run. */
export type FunctionBundle = {
  readonly digest: Digest;
  readonly config: BundleConfig;
  readonly code: string;
  readonly sourceMap: string | undefined;
  /** What the code imports beside itself. */
  readonly files?: readonly BundleFile[];
};

/** `name` is the specifier in the code; `type` tells what its import gives: a WebAssembly.Module or an ArrayBuffer. */
type BundleFile = BundleFileEntry & { readonly bytes: Uint8Array };

export type ReadBundleOptions = {
  readonly manifest: Uint8Array;
  readonly digest: Digest;
  /** Gives the blob; it may reject as soon as the blob proves larger than `maxBytes`. Its errors pass through unchanged. */
  readonly readBlob: (digest: Digest, maxBytes: number) => Promise<Uint8Array>;
};

/**
 * Checks every digest, size and media type before a byte is used. [G8]
 * Rejects with FunctionError `badBundle`, permanent: the same bytes will never be good.
 */
export async function readBundle({
  manifest: bytes,
  digest,
  readBlob,
}: ReadBundleOptions): Promise<FunctionBundle> {
  const bad = (problem: string) => badBundle(digest, problem);
  if (bytes.byteLength > bundleLimits.manifestBytes) throw bad(`its manifest is ${bytes.byteLength} bytes`);
  verify({ mediaType: mediaTypes.manifest, digest, size: bytes.byteLength }, bytes, bad);
  const manifest = parse(bundleManifestSchema, text(bytes, 'manifest', bad), 'manifest', bad);

  const readBytes = async (what: Descriptor, mediaType: string, maxBytes: number) => {
    if (what.mediaType !== mediaType) throw bad(`${what.digest} is ${what.mediaType}, not ${mediaType}`);
    if (what.size > maxBytes) throw bad(`${what.digest} is ${what.size} bytes; the limit is ${maxBytes}`);
    const blob = await readBlob(what.digest, what.size);
    verify(what, blob, bad);
    return blob;
  };
  const read = async (...what: Parameters<typeof readBytes>) => text(await readBytes(...what), what[1], bad);

  const configText = await read(manifest.config, mediaTypes.config, bundleLimits.configBytes);
  const config = parse(bundleConfigSchema, configText, 'config', bad);
  const [module, sourceMap, ...layers] = manifest.layers;
  if (!module) throw bad('it has no module');
  return {
    digest,
    config,
    code: await read(module, mediaTypes.module, bundleLimits.codeBytes),
    sourceMap: sourceMap && (await read(sourceMap, mediaTypes.sourceMap, bundleLimits.sourceMapBytes)),
    files: await readFiles(config, layers, { read: readBytes, bad }),
  };
}

/** The layers after the source map are the files of the config, one to one. */
async function readFiles(
  config: BundleConfig,
  layers: readonly Descriptor[],
  {
    read,
    bad,
  }: { read: (what: Descriptor, mediaType: string, maxBytes: number) => Promise<Uint8Array>; bad: Bad },
): Promise<BundleFile[]> {
  const entries = config.version === 2 ? config.files : [];
  if (layers.length > entries.length)
    throw bad(`its config names ${entries.length} files, it has ${layers.length}`);
  if (new Set(entries.map(({ name }) => name)).size < entries.length)
    throw bad('two of its files have one name');
  const files: BundleFile[] = [];
  let bytesLeft: number = bundleLimits.fileBytes;
  for (const [index, entry] of entries.entries()) {
    const layer = layers[index];
    if (!layer) throw bad(`${entry.name} has no layer`);
    const bytes = await read(layer, mediaTypes[entry.type], bytesLeft);
    bytesLeft -= bytes.byteLength;
    files.push({ ...entry, bytes });
  }
  return files;
}

type Bad = (problem: string) => FunctionError;

function verify({ digest, size }: Descriptor, bytes: Uint8Array, bad: Bad): void {
  if (bytes.byteLength !== size)
    throw bad(`${digest} should be ${size} bytes, there are ${bytes.byteLength}`);
  const actual = digestOf(bytes);
  if (actual !== digest) throw bad(`the bytes of ${digest} have the digest ${actual}`);
}

function text(bytes: Uint8Array, what: string, bad: Bad): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad(`${what} is not UTF-8`);
  }
}

function parse<T>(schema: z.ZodType<T>, json: string, what: string, bad: Bad): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw bad(`its ${what} is not JSON`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw bad(`its ${what} is wrong at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`);
}

function badBundle(digest: Digest, problem: string): FunctionError {
  return new FunctionError('badBundle', `Function bundle ${digest} cannot be used: ${problem}`, {
    hint: 'Build it again with `holdfast push` and put the new digest into the manifest.',
  });
}
