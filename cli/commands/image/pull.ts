import type { Command } from 'commander';
import { examples } from '../../options.ts';
import type { PullOptions } from '../../image/pull-command.ts';
import { action, type Surroundings } from '../../run.ts';

export function registerPullImage(image: Command, surroundings: Surroundings): void {
  image
    .command('pull')
    .description('Fetch an image of one platform into an OCI layout; of layers with chunks, those that lack.')
    .argument('<reference>', 'Such as acme/dashboard:v2 or registry.example.com/acme/dashboard@sha256:….')
    .requiredOption('--out <folder>', 'An OCI image layout to add it to; made when there is none.')
    .option('--platform <platform>', 'Such as linux/arm64 (default: that of this machine).')
    .addHelpText(
      'after',
      examples(
        'holdfast image pull acme/dashboard:v2 --out ./layout',
        'holdfast image pull registry.example.com/acme/dashboard:v2 --out ./layout --platform linux/arm64',
      ),
    )
    .action(
      action(surroundings, async (run, options: PullOptions, reference: string) => {
        const { pull } = await import('../../image/pull-command.ts');
        await pull(run, options, reference);
      }),
    );
}
