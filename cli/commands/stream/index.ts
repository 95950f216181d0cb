import type { Command } from 'commander';
import type { Surroundings } from '../../run.ts';
import { registerExport } from './export.ts';
import { registerList } from './ls.ts';
import { registerReplay } from './replay.ts';
import { registerRemove } from './rm.ts';
import { registerTail } from './tail.ts';

/** `holdfast stream …`, or `holdfast streams …`: look into the durable logs of this device, and have them again. */
export function registerStream(program: Command, surroundings: Surroundings): void {
  const streams = program
    .command('stream')
    .alias('streams')
    .description('Look into the streams of this device, replay and export them.');
  for (const register of [registerList, registerTail, registerReplay, registerExport, registerRemove])
    register(streams, surroundings);
}
