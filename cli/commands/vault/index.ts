import type { Command } from 'commander';
import type { Surroundings } from '../../run.ts';
import { registerAccept } from './accept.ts';
import { registerCheck } from './check.ts';
import { registerGrant } from './grant.ts';
import { registerInit } from './init.ts';
import { registerKey } from './key.ts';
import { registerPrune } from './prune.ts';
import { registerRepair } from './repair.ts';
import { registerStatus } from './status.ts';
import { registerTrustOwner } from './trust-owner.ts';
import { registerUnlock } from './unlock.ts';
import { registerUsage } from './usage.ts';

const registrations = [
  registerInit,
  registerStatus,
  registerCheck,
  registerRepair,
  registerPrune,
  registerUnlock,
  registerKey,
  registerTrustOwner,
  registerAccept,
  registerGrant,
  registerUsage,
];

/** `holdfast vault …`: the repository behind the snapshots, its keys, its health, its rights. */
export function registerVault(program: Command, surroundings: Surroundings): void {
  const vault = program
    .command('vault')
    .description('The encrypted repository of the snapshots: make, check, repair, prune it, and its keys.');
  for (const register of registrations) register(vault, surroundings);
}
