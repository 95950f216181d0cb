import type { Command } from 'commander';
import type { Surroundings } from '../../run.ts';
import { registerDev } from './dev.ts';
import { registerDeadLetters } from './dead-letters.ts';
import { registerList } from './list.ts';
import { registerNew } from './new.ts';
import { registerPause } from './pause.ts';
import { registerTest } from './test.ts';

/** `holdfast functions …`, or `holdfast function …`: write a function, and look after those of a device. */
export function registerFunctions(program: Command, surroundings: Surroundings): void {
  const functions = program
    .command('functions')
    .alias('function')
    .description('Write functions, try them, test them; and look after those of this device.');
  for (const register of registrations) register(functions, surroundings);
}

const registrations: readonly ((functions: Command, surroundings: Surroundings) => void)[] = [
  registerNew,
  registerDev,
  registerTest,
  registerList,
  registerPause,
  registerDeadLetters,
];
