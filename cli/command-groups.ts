import type { Command } from 'commander';
import type { Surroundings } from './run.ts';

type Register = (program: Command, surroundings: Surroundings) => void;

/** Commands of one module, loaded when one of them is named, or all are listed. */
export type CommandGroup = {
  /** What it registers, and their aliases. */
  readonly names: readonly string[];
  readonly load: () => Promise<Register>;
};

/** In the order of the help. */
export const commandGroups: readonly CommandGroup[] = [
  { names: ['init'], load: async () => (await import('./commands/init.ts')).registerInit },
  { names: ['validate'], load: async () => (await import('./commands/validate.ts')).registerValidate },
  { names: ['plan'], load: async () => (await import('./commands/plan.ts')).registerPlan },
  { names: ['resolve'], load: async () => (await import('./commands/resolve.ts')).registerResolve },
  { names: ['push'], load: async () => (await import('./commands/push.ts')).registerPush },
  { names: ['image', 'images'], load: async () => (await import('./commands/image/index.ts')).registerImage },
  { names: ['deploy'], load: async () => (await import('./commands/deploy.ts')).registerDeploy },
  { names: ['activate'], load: async () => (await import('./commands/activate.ts')).registerActivate },
  {
    names: ['generations'],
    load: async () => (await import('./commands/generations.ts')).registerGenerations,
  },
  { names: ['rollback'], load: async () => (await import('./commands/rollback.ts')).registerRollback },
  { names: ['pin', 'unpin'], load: async () => (await import('./commands/pin.ts')).registerPin },
  { names: ['devices'], load: async () => (await import('./commands/devices.ts')).registerDevices },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).registerStatus },
  { names: ['logs'], load: async () => (await import('./commands/logs.ts')).registerLogs },
  { names: ['metrics'], load: async () => (await import('./commands/metrics.ts')).registerMetrics },
  { names: ['invoke'], load: async () => (await import('./commands/invoke.ts')).registerInvoke },
  { names: ['apps', 'app'], load: async () => (await import('./commands/apps/index.ts')).registerApps },
  {
    names: ['functions', 'function'],
    load: async () => (await import('./commands/functions/index.ts')).registerFunctions,
  },
  {
    names: ['stream', 'streams'],
    load: async () => (await import('./commands/stream/index.ts')).registerStream,
  },
  { names: ['messages'], load: async () => (await import('./commands/messages.ts')).registerMessages },
  {
    names: ['shadow', 'shadows'],
    load: async () => (await import('./commands/shadow/index.ts')).registerShadow,
  },
  { names: ['secrets'], load: async () => (await import('./commands/secrets.ts')).registerSecrets },
  {
    names: ['snapshot', 'snapshots'],
    load: async () => (await import('./commands/snapshot/index.ts')).registerSnapshot,
  },
  { names: ['vault'], load: async () => (await import('./commands/vault/index.ts')).registerVault },
  { names: ['export'], load: async () => (await import('./commands/export.ts')).registerExport },
  { names: ['restore'], load: async () => (await import('./commands/restore.ts')).registerRestore },
  { names: ['cloud'], load: async () => (await import('./commands/cloud-up.ts')).registerCloudUp },
  { names: ['agent'], load: async () => (await import('./commands/agent-up.ts')).registerAgentUp },
  {
    names: ['hash-password'],
    load: async () => (await import('./commands/hash-password.ts')).registerHashPassword,
  },
  { names: ['help'], load: async () => (await import('./commands/help.ts')).registerHelp },
  { names: ['version'], load: async () => (await import('./commands/version.ts')).registerVersion },
];

/** The one group that has to be loaded to run `name`; all of them where that is no command, or the one that tells of the others. */
export function groupsFor(name: string | undefined): readonly CommandGroup[] {
  const named = name === 'help' ? undefined : commandGroups.find(({ names }) => names.includes(name ?? ''));
  return named ? [named] : commandGroups;
}
