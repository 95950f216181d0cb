import type { Command } from 'commander';
import { action, type Surroundings } from '../run.ts';
import { version } from '../../lib/version.ts';
import { examples } from '../options.ts';

export function registerVersion(program: Command, surroundings: Surroundings): void {
  program
    .command('version')
    .description('Print the version of Holdfast and of the Node that runs it.')
    .addHelpText('after', examples('holdfast version', 'holdfast version --json'))
    .action(
      action(surroundings, ({ out }) => {
        const value = {
          version,
          node: process.versions.node,
          platform: process.platform,
          arch: process.arch,
        };
        out.result(value, () => `holdfast ${version} (node ${value.node}, ${value.platform} ${value.arch})`);
        return Promise.resolve();
      }),
    );
}
