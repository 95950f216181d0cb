import type { Command } from 'commander';
import type { Surroundings } from '../../run.ts';
import { registerBuild } from './build.ts';
import { registerInspect } from './inspect.ts';
import { registerPullImage } from './pull.ts';
import { registerPushImage } from './push.ts';

const registrations = [registerBuild, registerPushImage, registerPullImage, registerInspect];

/** `holdfast image …`: build images of apps, look at them, push and pull them. */
export function registerImage(program: Command, surroundings: Surroundings): void {
  const image = program
    .command('image')
    .alias('images')
    .description('OCI images of apps: build one from a folder, push it, pull it, look into it.');
  for (const register of registrations) register(image, surroundings);
}
