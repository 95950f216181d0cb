import type { AppEntry } from './app-entry.ts';
import type { Obstacle } from './app-state.ts';
import { graceOf } from './grace-of.ts';
import { holderOf, listeners } from './listening-ports.ts';
import type { WantedApp } from './wanted-apps.ts';

/** A predecessor that is not well yet and still has time to become so. */
export function predecessorOf(before: readonly AppEntry[], nowMs: number): Obstacle | undefined {
  const slow = before.find((entry) => isAwaited(entry) && entry.tryingMs(nowMs) < graceOf(entry.app.wanted));
  return slow && { kind: 'predecessor', message: `waits for ${slow.app.wanted.name} to be well` };
}

/** Predecessors that had their time and are not well: an app starts without them. */
export function latePredecessors(before: readonly AppEntry[]): string[] {
  return before.filter(isAwaited).map(({ app }) => app.wanted.name);
}

function isAwaited({ app }: AppEntry): boolean {
  const { phase } = app.state;
  if (phase.kind === 'running') return !phase.isWell;
  // Whoever stopped it, or let it end, knows what follows it.
  return phase.kind !== 'ended' && phase.kind !== 'stopped';
}

/** Secrets of it that this device does not have. */
export function missingSecret(missing: readonly string[]): Obstacle | undefined {
  const [first] = missing;
  if (first === undefined) return undefined;
  const what = missing.length === 1 ? 'secret' : 'secrets';
  const message = `waits for the ${what} ${missing.join(', ')}: holdfast secrets set ${first}`;
  return { kind: 'secret', message };
}

/** A port that it is to listen on and somebody else has. */
export async function takenPort({
  run,
  launch,
}: Pick<WantedApp, 'run' | 'launch'>): Promise<Obstacle | undefined> {
  if (run.ports.length === 0 || launch.network !== 'host') return undefined;
  const taken = (await listeners()).find(({ port }) => run.ports.includes(port));
  if (!taken) return undefined;
  const holder = (await holderOf(taken.inode)) ?? 'another program';
  const message = `waits for port ${taken.port}, which ${holder} listens on: stop that, or give the app another`;
  return { kind: 'port', message };
}
