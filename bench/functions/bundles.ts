import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildBundle, readBundle, type FunctionBundle } from '../../functions/index.ts';

const source = (name: string): string => fileURLToPath(new URL(`./handler/${name}.ts`, import.meta.url));

/** The handler as `holdfast push` would build it. */
export function functionBundle(): Promise<FunctionBundle> {
  return bundleOf(source('index'));
}

export async function bundleOf(entry: string): Promise<FunctionBundle> {
  const signal = AbortSignal.timeout(60_000);
  const built = await buildBundle({ entry, signal });
  const blobs = new Map(built.blobs.map(({ digest, bytes }) => [digest, bytes]));
  return readBundle({
    manifest: built.manifest,
    digest: built.digest,
    readBlob: (digest) => Promise.resolve(blobs.get(digest) ?? new Uint8Array()),
  });
}

/** The handler as one script or module for a peer. */
export async function peerScript(name: 'raw' | 'worker'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [source(name)],
    bundle: true,
    write: false,
    format: name === 'raw' ? 'iife' : 'esm',
    globalName: 'handler',
    target: 'es2024',
  });
  return outputFiles[0]?.text ?? '';
}
