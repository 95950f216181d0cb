import type { WantedApp } from './wanted-apps.ts';

/** Of an app without checks: how long others wait for it, and it for a port. Milliseconds. */
const defaultGraceMs = 30_000;

export function graceOf({ spec }: Pick<WantedApp, 'spec'>): number {
  return spec.health?.grace ?? defaultGraceMs;
}
