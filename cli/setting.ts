import type { Io } from './io.ts';

/** A variable of the environment; one that is empty is not set, as for XDG: a folder without a name would be the current one. */
export function setting(env: Io['env'], name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}
