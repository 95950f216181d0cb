import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';

export function registerInspect(image: Command, surroundings: Surroundings): void {
  image
    .command('inspect')
    .description('Show platforms, layers and settings of an image, in a registry or an OCI layout.')
    .argument('<image>', 'A reference, or a folder with an OCI image layout, or folder:tag.')
    .addHelpText(
      'after',
      examples(
        'holdfast image inspect acme/dashboard:v2',
        'holdfast image inspect ./layout:v2 --json',
        'holdfast image inspect registry.example.com/acme/dashboard:v2',
      ),
    )
    .action(
      action(surroundings, async (run, _options: object, name: string) => {
        const { inspect } = await import('../../image/inspect-command.ts');
        await inspect(run, name);
      }),
    );
}
