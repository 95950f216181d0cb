import type { SupervisedApp } from './supervised-app.ts';

/** An app as the control socket tells it. */
export type AppStatus = {
  readonly image: string;
  readonly isolation: string;
  readonly restarts: number;
  /** RFC 3339; null while it does not run. */
  readonly started: string | null;
  readonly pid: number | null;
  readonly instance: string | null;
  /** What the last check found; null before it, and without checks. */
  readonly health: string | null;
  readonly isWell: boolean;
};

export function appStatusOf({ wanted, state, instance, healthText }: SupervisedApp): AppStatus {
  const { phase, restarts } = state;
  return {
    ...{ image: wanted.launch.image, isolation: wanted.launch.isolation, restarts },
    started: instance?.startedAt.toISOString() ?? null,
    pid: instance?.pid ?? null,
    instance: instance?.id ?? null,
    health: healthText ?? null,
    isWell: phase.kind === 'running' && phase.isWell,
  };
}
