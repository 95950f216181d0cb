import canonicalize from 'canonicalize';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { FunctionError } from '../function-error.ts';
import { compile, type Compiled } from './compile.ts';
import { bundleLimits, mediaTypes, type BundleConfig, type Descriptor } from './format.ts';

type BuiltBlob = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
};

export type BuiltBundle = {
  /** Of the OCI manifest: what a machine file pins. */
  readonly digest: Digest;
  readonly manifest: Uint8Array;
  /** Config first, then the layers; what the manifest points to. */
  readonly blobs: readonly BuiltBlob[];
  readonly config: BundleConfig;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Bundles the function whose entry file is `entry` (TypeScript or JavaScript) and everything it imports.
 * The digest depends on the bytes of the sources and their places relative to the entry, packages' on those inside
 * node_modules, and on what the tsconfig.json of the project says of the language of its sources; on nothing else of the machine.
 * Rejects with FunctionError `buildFailed`, each problem as file:line:column, and `noHandler`; an abort stops esbuild.
 */
export async function buildBundle({
  entry,
  signal,
}: {
  readonly entry: string;
  readonly signal: AbortSignal;
}): Promise<BuiltBundle> {
  signal.throwIfAborted();
  return packBundle(entry, await compile(entry, signal));
}

/** The artifact of what was compiled. Throws FunctionError `noHandler`, and `buildFailed` when it is too large. */
export function packBundle(entry: string, { code, sourceMap, exports, files }: Compiled): BuiltBundle {
  const offer = { shape: shapeOf(exports, { entry, code }), exports: [...exports] };
  const config: BundleConfig =
    files.length === 0
      ? { version: 1, ...offer }
      : { version: 2, ...offer, files: files.map(({ name, type }) => ({ name, type })) };
  checkSize(`${entry} is`, code.byteLength, bundleLimits.codeBytes);
  const fileBytes = files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  checkSize(`The files that ${entry} imports are`, fileBytes, bundleLimits.fileBytes);
  if (files.length > bundleLimits.files) {
    throw new FunctionError(
      'buildFailed',
      `${entry} imports ${files.length} .wasm and .bin files; the limit is ${bundleLimits.files}`,
      {
        hint: 'Put several into one.',
      },
    );
  }
  return assemble(config, [
    blob(mediaTypes.module, code),
    blob(mediaTypes.sourceMap, sourceMap),
    ...files.map(({ type, bytes }) => blob(mediaTypes[type], bytes)),
  ]);
}

function assemble(config: BundleConfig, layers: readonly BuiltBlob[]): BuiltBundle {
  const configBlob = blob(mediaTypes.config, canonicalBytes(config));
  const manifest = canonicalBytes({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: mediaTypes.artifact,
    config: descriptor(configBlob),
    layers: layers.map(descriptor),
  });
  return { digest: digestOf(manifest), manifest, blobs: [configBlob, ...layers], config };
}

function shapeOf(
  exports: readonly string[],
  { entry, code }: { readonly entry: string; readonly code: Uint8Array },
): BundleConfig['shape'] {
  if (exports.includes('default')) return 'module';
  if (exports.includes('handler')) return 'lambda';
  const listens = /\baddEventListener\(\s*["'`](fetch|scheduled|queue)["'`]/.exec(decoder.decode(code))?.[1];
  if (listens !== undefined)
    throw new FunctionError(
      'noHandler',
      `${entry} listens for ${listens} events, as scripts of service workers do`,
      {
        hint: `Export the handler instead: \`export default { ${listens}(…, env, ctx) { … } }\`.`,
      },
    );
  throw new FunctionError('noHandler', `${entry} exports neither default nor handler`, {
    hint: 'Write `export default { message(event, env, ctx) { … } }` or `export const handler = async (event, context) => …`.',
  });
}

function checkSize(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new FunctionError('buildFailed', `${what} ${size} bytes after bundling; the limit is ${limit}`, {
    hint: 'Leave out large dependencies.',
  });
}

function blob(mediaType: string, bytes: Uint8Array): BuiltBlob {
  return { digest: digestOf(bytes), mediaType, bytes };
}

function descriptor({ mediaType, digest, bytes }: BuiltBlob): Descriptor {
  return { mediaType, digest, size: bytes.byteLength };
}

function canonicalBytes(value: unknown): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return encoder.encode(text);
}
