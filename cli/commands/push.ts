import type { Command } from 'commander';
import { openCloud } from '../cloud.ts';
import { CliError } from '../errors.ts';
import { findEntry, nameOfSource } from '../function-entry.ts';
import { examples } from '../options.ts';
import { patiently } from '../patience.ts';
import { formatBytes, Progress } from '../progress.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = { readonly name?: string };

export function registerPush(program: Command, surroundings: Surroundings): void {
  program
    .command('push')
    .description("Build a function and push the bundle to the cloud's registry.")
    .argument('<source>', 'A folder with an index.ts or a package.json with main, or the file itself.')
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
  const entry = await findEntry(io, source);
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
