import type { Command } from 'commander';
import { openCloud } from '../cloud.ts';
import { readManifest } from '../manifest-file.ts';
import { examples } from '../options.ts';
import { writeOutput } from '../output-file.ts';
import { resolveReferences } from '../references.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = { readonly output?: string };

export function registerResolve(program: Command, surroundings: Surroundings): void {
  program
    .command('resolve')
    .description('Pin every image and bundle of a manifest by digest, and print the manifest.')
    .argument('<file>', 'The manifest; - reads stdin.')
    .option('-o, --output <file>', 'Write it to this file instead; it may be the same one.')
    .addHelpText(
      'after',
      examples('holdfast resolve machine.yaml', 'holdfast resolve machine.yaml -o machine.lock.yaml'),
    )
    .action(action(surroundings, resolveManifest));
}

async function resolveManifest(run: Run, { output }: Options, path: string): Promise<void> {
  const file = await readManifest(run, path);
  await using cloud = await openCloud(run);
  const document = await resolveReferences(run, cloud, file);
  const [{ canonicalize, manifestDigest }, { rewriteManifest }] = await Promise.all([
    import('../../manifests/index.ts'),
    import('../machine-file.ts'),
  ]);
  const digest = manifestDigest(canonicalize(document));
  const text = rewriteManifest(file.text, document);
  if (output !== undefined) await writeOutput(output, text, { mode: 0o644 });
  if (output === undefined) run.out.data({ digest, document }, () => text.trimEnd());
  else run.out.result({ digest, file: output }, () => `Wrote ${output} (${digest})`);
}
