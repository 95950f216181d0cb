import type { Command } from 'commander';
import type { Surroundings } from '../../run.ts';
import { registerDelete } from './delete.ts';
import { registerGet } from './get.ts';
import { registerList } from './ls.ts';
import { registerSet } from './set.ts';

/** `holdfast shadow …`, or `holdfast shadows …`: what devices should be and say they are, by way of the cloud. */
export function registerShadow(program: Command, surroundings: Surroundings): void {
  const shadows = program
    .command('shadow')
    .alias('shadows')
    .description('Read and change the shadows of a device: what is desired of it, what it reports.');
  for (const register of [registerList, registerGet, registerSet, registerDelete])
    register(shadows, surroundings);
}
