import { plan, type Machine } from '../../manifests/index.ts';
import type { VolumeVault } from './ports.ts';

export type Affected = {
  /** Apps that run now and are stopped or replaced. */
  readonly apps: readonly string[];
  /** Volumes that are snapshotted first, by the vault of the machine that runs. */
  readonly volumes: readonly string[];
};

/** What going from one machine to another interrupts, and which data that may change. */
export function affectedBy(
  current: Machine | null,
  target: Machine,
  { hasPlace }: Pick<VolumeVault, 'hasPlace'>,
): Affected {
  if (current === null) return { apps: [], volumes: [] };
  const apps = plan(target, { applied: current, present: new Set() }).steps.flatMap((step) =>
    step.kind === 'startApp' || step.kind === 'replaceApp' || step.kind === 'stopApp' ? [step.name] : [],
  );
  return {
    apps: apps.filter((name) => Object.hasOwn(current.apps, name)),
    volumes: hasPlace(current.vault) ? securedVolumes(current, target, apps) : [],
  };
}

function securedVolumes(current: Machine, target: Machine, apps: readonly string[]): string[] {
  const used = new Set(apps.flatMap((name) => [...volumesOf(current, name), ...volumesOf(target, name)]));
  return [...used].sort().filter((name) => {
    if (!Object.hasOwn(current.volumes, name)) return false;
    // The file that is to come decides; one that it does not name any more keeps its word.
    const spec = Object.hasOwn(target.volumes, name) ? target.volumes[name] : current.volumes[name];
    return spec?.beforeUpdate ?? spec?.snapshot !== undefined;
  });
}

/** Apps of the machine that have one of these volumes. */
export function usersOf({ apps }: Machine, volumes: readonly string[]): string[] {
  return Object.keys(apps).filter((name) => volumesOf({ apps }, name).some((one) => volumes.includes(one)));
}

function volumesOf({ apps }: Pick<Machine, 'apps'>, app: string): string[] {
  const spec = Object.hasOwn(apps, app) ? apps[app] : undefined;
  return Object.values(spec?.volumes ?? {});
}

/** The machine without some of its apps. */
export function withoutApps(machine: Machine, names: readonly string[]): Machine {
  const apps = Object.entries(machine.apps).filter(([name]) => !names.includes(name));
  return { ...machine, apps: Object.fromEntries(apps) };
}
