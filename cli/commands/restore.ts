import type { Command } from 'commander';
import { examples, collect } from '../options.ts';
import { parseMoment } from '../parse-moment.ts';
import { action, type Surroundings } from '../run.ts';
import type { RestoreOptions } from '../machine-restore/restore-options.ts';

export function registerRestore(program: Command, surroundings: Surroundings): void {
  program
    .command('restore')
    .description(
      'Bring a machine back on an empty root, with its data, from its machine file and the passphrase.',
    )
    .argument(
      '<file>',
      'The machine file that deploy wrote, or a bundle that export wrote (no network is needed).',
    )
    .option('--passphrase-file <file>', 'The owner passphrase (or $HOLDFAST_PASSPHRASE, or a prompt).')
    .option('--recovery-code-file <file>', 'Open the vault by the recovery code instead.')
    .option('--token <token>', 'A new enrolment token instead of the passphrase (or $HOLDFAST_TOKEN).')
    .option('--token-file <file>', 'Read that token from a file; - reads stdin.')
    .option('--at <time>', 'The data as it was then: 2026-05-01T06:00:00Z, or -1d.', (text) =>
      parseMoment(text, Date.now()),
    )
    .option('--volume <name=snapshot>', 'This snapshot of a volume; may be repeated.', collect, [])
    .option('--no-data', 'Without the data of its volumes.')
    .option('--allow-damaged', 'Put a volume in place though some of its files could not be restored.')
    .option('--vault-login-file <file>', 'user:password of a REST server that keeps the vault.')
    .addHelpText(
      'after',
      examples(
        'holdfast restore machine.yaml --root /var/lib/holdfast',
        'holdfast restore machine.hfb --root /var/lib/holdfast',
        'holdfast restore machine.yaml --passphrase-file ./passphrase --at -1d --json',
        'holdfast restore machine.yaml --token-file ./token --recovery-code-file ./recovery-code.txt',
      ),
    )
    .action(
      action(surroundings, async (run, options: RestoreOptions, path: string) => {
        const { isBundleFile } = await import('../machine-restore/is-bundle-file.ts');
        if (await isBundleFile(path)) {
          const { restoreFromBundle } = await import('../machine-restore/restore-from-bundle.ts');
          await restoreFromBundle(run, options, path);
          return;
        }
        const { restoreFromFile } = await import('../machine-restore/restore-from-file.ts');
        await restoreFromFile(run, options, path);
      }),
    );
}
