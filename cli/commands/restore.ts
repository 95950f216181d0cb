import type { Command } from 'commander';
import { agentRoot } from '../context.ts';
import { readManifest } from '../manifest-file.ts';
import { examples } from '../options.ts';
import { readPassphrase } from '../passphrase.ts';
import { Progress } from '../progress.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { readToken } from './agent-up.ts';

type Options = { readonly passphraseFile?: string; readonly token?: string; readonly tokenFile?: string };

export function registerRestore(program: Command, surroundings: Surroundings): void {
  program
    .command('restore')
    .description('Bring a machine back on an empty root, from its machine file and the passphrase.')
    .argument('<file>', 'The machine file that deploy wrote.')
    .option('--passphrase-file <file>', 'The owner passphrase (or $HOLDFAST_PASSPHRASE).')
    .option('--token <token>', 'A new enrolment token instead of the passphrase (or $HOLDFAST_TOKEN).')
    .option('--token-file <file>', 'Read that token from a file; - reads stdin.')
    .addHelpText(
      'after',
      examples(
        'HOLDFAST_PASSPHRASE=… holdfast restore machine.yaml --root /var/lib/holdfast',
        'holdfast restore machine.yaml --passphrase-file ./passphrase --json',
      ),
    )
    .action(action(surroundings, restore));
}

async function restore(run: Run, options: Options, path: string): Promise<void> {
  const { io, out, logger, signal } = run;
  const { machine, document } = await readManifest(run, path);
  const passphrase = await readPassphrase(run, options);
  const token = await readToken(run, options);
  const { restoreMachine } = await import('../../agent/restore.ts');
  const root = agentRoot(run);
  using progress = new Progress(io, { label: `Restoring to ${root}`, enabled: !out.json });
  const restored = await restoreMachine({
    root,
    machine,
    document,
    ...(passphrase !== undefined && { passphrase }),
    ...(token !== undefined && { token }),
    onProgress: (event) => progress.text(event.message),
    logger,
    signal,
  });
  if (restored.newerThanFile) {
    out.note("Note: the cloud wants another manifest than this file holds; the cloud's was restored.");
  }
  out.result({ root, ...restored }, () =>
    [
      `${restored.device} is back: generation ${restored.generation} (${restored.digest})`,
      ...Object.entries(restored.functions).map(([name, digest]) => `  function ${name}  ${digest}`),
      `Start it with: holdfast agent up --root ${root}`,
    ].join('\n'),
  );
}
