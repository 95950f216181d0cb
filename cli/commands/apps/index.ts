import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { registerControl } from './control.ts';
import { list } from './list.ts';
import { registerLock } from './lock.ts';

/** `holdfast apps …`, or `holdfast app …`: the apps of this device. */
export function registerApps(program: Command, surroundings: Surroundings): void {
  const apps = program
    .command('apps')
    .alias('app')
    .description('List the apps of this device; start, stop and lock them.')
    .addHelpText(
      'after',
      examples('holdfast apps', 'holdfast apps --json', 'holdfast apps restart dashboard'),
    )
    .action(action(surroundings, list));
  apps
    .command('ls')
    .alias('list')
    .description('List the apps of this device, and how they are.')
    .addHelpText('after', examples('holdfast apps ls'))
    .action(action(surroundings, list));
  registerControl(apps, surroundings);
  registerLock(apps, surroundings);
}
