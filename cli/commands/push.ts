import { stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { openCloud } from '../cloud.ts';
import { CliError } from '../errors.ts';
import { examples } from '../options.ts';
import { patiently } from '../patience.ts';
import { formatBytes, Progress } from '../progress.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = { readonly name?: string };

export function registerPush(program: Command, surroundings: Surroundings): void {
  program
    .command('push')
    .description("Build a function and push the bundle to the cloud's registry.")
    .argument('<source>', 'A folder with an index.ts (or index.js), or the file itself.')
    .option('--name <reference>', 'Repository and tag (default: functions/NAME:latest, NAME of the source).')
    .addHelpText(
      'after',
      examples(
        'holdfast push examples/functions/weather-summary',
        'holdfast push ./src/convert.ts --name functions/to-celsius:v2',
      ),
    )
    .action(action(surroundings, push));
}

async function push(run: Run, { name }: Options, source: string): Promise<void> {
  const { signal, out, io } = run;
  const entry = await findEntry(source);
  await using cloud = await openCloud(run);
  const [{ buildBundle }, { parseReference, pushArtifact }] = await Promise.all([
    import('../../functions/index.ts'),
    import('../../cloud-sync/oci/index.ts'),
  ]);
  const reference = parseReference(name ?? `functions/${nameOfSource(source)}`);
  const { repository, tag = 'latest' } = reference;
  if (reference.registry !== undefined || reference.digest !== undefined) {
    throw new CliError(
      'usage',
      `Cannot push to ${name ?? ''}: name a repository of the cloud's own registry and a tag.`,
      {
        hint: 'Such as --name functions/to-celsius:v2',
      },
    );
  }
  const bundle = await buildBundle({ entry, signal });
  const { manifest, blobs, digest } = bundle;
  using progress = new Progress(io, { label: `Pushing ${repository}:${tag}`, enabled: !out.json });
  await patiently(run, () =>
    pushArtifact({
      client: cloud.registry(),
      repository,
      tag,
      manifest,
      blobs,
      signal,
      onProgress: (done, total) => progress.bytes(done, total),
    }),
  );
  const size = blobs.reduce((sum, blob) => sum + blob.bytes.byteLength, manifest.byteLength);
  out.result({ reference: `${repository}:${tag}`, pinned: `${repository}@${digest}`, digest, size }, () =>
    [`Pushed ${repository}:${tag} (${formatBytes(size)})`, digest].join('\n'),
  );
}

const entryNames = ['index.ts', 'index.mts', 'index.js', 'index.mjs'];

/** A folder stands for the index file in it. */
async function findEntry(source: string): Promise<string> {
  const path = resolve(source);
  const kind = await kindOf(path);
  if (kind === 'file') return path;
  if (kind === 'folder') {
    for (const name of entryNames) {
      if ((await kindOf(join(path, name))) === 'file') return join(path, name);
    }
    throw new CliError(
      'notFound',
      `There is no function in ${source}: it holds none of ${entryNames.join(', ')}.`,
      {
        hint: 'Name the file that exports the handler.',
      },
    );
  }
  throw new CliError('notFound', `There is no function at ${source}: no such file or folder.`);
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return 'file';
  return found?.isDirectory() ? 'folder' : undefined;
}

/** `./src/to-celsius.ts` and `./to-celsius/` are both `to-celsius`. */
function nameOfSource(source: string): string {
  const path = resolve(source);
  const name = basename(path, extname(path));
  return (name === 'index' ? basename(resolve(path, '..')) : name).toLowerCase();
}
