import { access } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import canonicalize from 'canonicalize';
import { context, type BuildFailure, type BuildResult, type Message } from 'esbuild';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { FunctionError } from '../function-error.ts';
import { bundleLimits, mediaTypes, type BundleConfig, type Descriptor } from './format.ts';
import { hidePackagePlaces, hidePackagePlacesInMap } from './package-paths.ts';

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

/**
 * Bundles the function whose entry file is `entry` (TypeScript or JavaScript) and everything it imports.
 * The digest depends on the bytes of the sources and their places relative to the entry, packages' on those inside
 * node_modules, on nothing else of the machine: a tsconfig.json is not read. Rejects with FunctionError `buildFailed`, each problem as file:line:column; an abort stops esbuild.
 */
export async function buildBundle({
  entry,
  signal,
}: {
  readonly entry: string;
  readonly signal: AbortSignal;
}): Promise<BuiltBundle> {
  signal.throwIfAborted();
  const path = resolve(entry);
  await access(path).catch((cause: unknown) => {
    throw new FunctionError('buildFailed', `Cannot build ${entry}: there is no such file`, {
      cause,
      hint: 'Give the path of the entry file of the function, such as functions/echo/index.ts.',
    });
  });
  const { code, sourceMap, exports } = await compile(path, signal);
  const config: BundleConfig = { version: 1, shape: shapeOf(exports, entry), exports };
  const module = blob(mediaTypes.module, code);
  checkSize(entry, module.bytes.byteLength);
  return assemble(config, [module, blob(mediaTypes.sourceMap, sourceMap)]);
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

async function compile(path: string, signal: AbortSignal) {
  const folder = dirname(path);
  const build = await context({
    entryPoints: [`./${basename(path)}`],
    absWorkingDir: folder,
    outfile: 'function.js',
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2024',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'import', 'module'],
    sourcemap: 'external',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
    // Whatever tsconfig.json lies above the sources on this machine must not change the bytes.
    tsconfigRaw: '{}',
  });
  const cancel = () => void build.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return outputs(await build.rebuild());
  } catch (error) {
    signal.throwIfAborted();
    throw buildFailed(path, error);
  } finally {
    signal.removeEventListener('abort', cancel);
    await build.dispose();
  }
}

function outputs(result: BuildResult) {
  const file = (suffix: string) => result.outputFiles?.find(({ path }) => path.endsWith(suffix))?.text;
  const code = file('function.js');
  const sourceMap = file('function.js.map');
  if (code === undefined || sourceMap === undefined) throw new Error('esbuild gave no output');
  const exports = Object.values(result.metafile?.outputs ?? {}).flatMap(({ exports }) => exports);
  const inputs = Object.keys(result.metafile?.inputs ?? {});
  return {
    code: encoder.encode(hidePackagePlaces(code, inputs)),
    sourceMap: encoder.encode(hidePackagePlacesInMap(sourceMap)),
    exports: exports.sort(),
  };
}

function shapeOf(exports: readonly string[], entry: string): BundleConfig['shape'] {
  if (exports.includes('default')) return 'module';
  if (exports.includes('handler')) return 'lambda';
  throw new FunctionError('noHandler', `${entry} exports neither default nor handler`, {
    hint: 'Write `export default { message(event, env, ctx) { … } }` or `export const handler = async (event, context) => …`.',
  });
}

function buildFailed(entry: string, error: unknown): unknown {
  if (!isBuildFailure(error)) return error;
  const problems = error.errors.slice(0, 20).map(describe);
  return new FunctionError('buildFailed', `Cannot build ${entry}:\n${problems.join('\n')}`, {
    cause: error,
    hint: 'Correct the source. Modules of node (node:fs …) are not there inside a function.',
  });
}

function describe({ text, location }: Message): string {
  return location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text;
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}

function checkSize(entry: string, size: number): void {
  if (size <= bundleLimits.codeBytes) return;
  throw new FunctionError(
    'buildFailed',
    `${entry} is ${size} bytes after bundling; the limit is ${bundleLimits.codeBytes}`,
    {
      hint: 'Leave out large dependencies.',
    },
  );
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
