import type { Command } from 'commander';
import { examples } from '../options.ts';
import { action, type Surroundings } from '../run.ts';
import type { ExportOptions } from '../machine-export/export-machine.ts';

export function registerExport(program: Command, surroundings: Surroundings): void {
  program
    .command('export')
    .description('Write everything a machine file names into one file that holdfast restore takes, offline.')
    .argument('<file>', 'The manifest; - reads stdin.')
    .requiredOption('-o, --output <file>', 'The bundle to write, such as machine.hfb.')
    .option('--platform <os/architecture>', 'Of the device; images of several are taken for this one.')
    .option('--with-data', 'The repository with the snapshots of its volumes too, encrypted as it is.')
    .option('--repository <location>', "That repository (default: of the manifest, else the cloud's vault).")
    .option('--cacert <file>', "The CA certificate of that repository's server, PEM.")
    .option('--force', 'Replace --output even when it is no bundle.')
    .addHelpText(
      'after',
      examples(
        'holdfast export machine.yaml -o machine.hfb',
        'holdfast export machine.yaml -o machine.hfb --with-data --repository /mnt/backup/kiosk-7',
        'holdfast export machine.yaml -o kiosk.hfb --platform linux/arm64',
        'skopeo inspect oci-archive:machine.hfb:apps.dashboard',
      ),
    )
    .action(
      action(surroundings, async (run, options: ExportOptions, path: string) => {
        const { exportMachine } = await import('../machine-export/export-machine.ts');
        await exportMachine(run, options, path);
      }),
    );
}
