import { backoffMs } from '../../../lib/retry.ts';
import type { RunSpec } from '../../../manifests/app.ts';

/** What keeps an app from starting. `message` is for people, without the app's name. */
export type Obstacle = {
  readonly kind: 'predecessor' | 'secret' | 'port';
  readonly message: string;
};

/** How a run ended. `text` goes on from the app's name: `exited with code 1 after 3 s`; of a start that failed it is a whole sentence. */
export type End = {
  readonly kind: 'exited' | 'unhealthy' | 'startFailed';
  /** It ended by itself with code 0. */
  readonly isGood: boolean;
  readonly text: string;
  readonly ranMs: number;
};

export type AppPhase =
  | { readonly kind: 'waiting'; readonly obstacle?: Obstacle; readonly sinceMs: number }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly sinceMs: number; readonly isWell: boolean }
  /** It is not well and is being stopped; then the restart policy decides. */
  | { readonly kind: 'ailing'; readonly end: End }
  | { readonly kind: 'backingOff'; readonly untilMs: number }
  | { readonly kind: 'ended'; readonly end: End }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'stopped'; readonly by: StoppedBy };

/** `halt`: until the next generation is configured; `operator`: until somebody starts it. */
export type StoppedBy = 'halt' | 'operator';

export type AppState = {
  readonly phase: AppPhase;
  /** Ends since this version of the app was first started, starts that failed with them. */
  readonly ends: number;
  /** Ends in a row, each soon after its start: what the back-off grows by. */
  readonly quickEnds: number;
  readonly restarts: number;
  readonly lastEnd?: End;
};

export type AppEvent =
  | { readonly kind: 'blocked'; readonly obstacle: Obstacle }
  | { readonly kind: 'ready' }
  | { readonly kind: 'launched' }
  | { readonly kind: 'well' }
  | { readonly kind: 'ended'; readonly end: End }
  /** Of an ailing app: nothing of it is left. */
  | { readonly kind: 'gone' }
  /** The back-off is over, or somebody asked for a start. */
  | { readonly kind: 'due' }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'stopped'; readonly by: StoppedBy };

export type Surroundings = {
  readonly nowMs: number;
  readonly restart: RunSpec['restart'];
  /** In [0, 1) */
  readonly random: () => number;
};

export const startDelays = { minDelayMs: 500, maxDelayMs: 60_000 } as const;
/** After a run of this length the back-off begins anew. */
export const steadyMs = 120_000;

export function firstState(nowMs: number): AppState {
  return { phase: { kind: 'waiting', sinceMs: nowMs }, ends: 0, quickEnds: 0, restarts: 0 };
}

/** The whole behaviour of one app: what it is in after an event. Pure; who calls it does what the phase asks for. */
export function next(state: AppState, event: AppEvent, around: Surroundings): AppState {
  const { phase } = state;
  const { nowMs } = around;
  switch (event.kind) {
    case 'blocked': {
      const sinceMs =
        phase.kind === 'waiting' && phase.obstacle?.kind === event.obstacle.kind ? phase.sinceMs : nowMs;
      return { ...state, phase: { kind: 'waiting', obstacle: event.obstacle, sinceMs } };
    }
    case 'ready':
      return { ...state, phase: { kind: 'starting' } };
    case 'launched':
      return { ...state, phase: { kind: 'running', sinceMs: nowMs, isWell: false } };
    case 'well':
      return phase.kind === 'running' ? { ...state, phase: { ...phase, isWell: true } } : state;
    case 'ended':
      return afterEnd(state, event.end, around);
    case 'gone':
      return phase.kind === 'ailing' ? { ...state, phase: restOf(state, phase.end, around) } : state;
    case 'due':
      return {
        ...state,
        restarts: state.restarts + (state.ends > 0 ? 1 : 0),
        phase: { kind: 'waiting', sinceMs: nowMs },
      };
    case 'stopping':
      return { ...state, phase: { kind: 'stopping' } };
    case 'stopped':
      return { ...state, quickEnds: 0, phase: { kind: 'stopped', by: event.by } };
    default:
      return event satisfies never;
  }
}

function afterEnd(state: AppState, end: End, around: Surroundings): AppState {
  const ended: AppState = {
    ...state,
    ends: state.ends + 1,
    quickEnds: end.ranMs >= steadyMs ? 1 : state.quickEnds + 1,
    lastEnd: end,
  };
  // It still runs: it has to be stopped before anything follows.
  const phase: AppPhase = end.kind === 'unhealthy' ? { kind: 'ailing', end } : restOf(ended, end, around);
  return { ...ended, phase };
}

function restOf({ quickEnds }: AppState, end: End, { nowMs, restart, random }: Surroundings): AppPhase {
  if (restart === 'never' || (restart === 'on-failure' && end.isGood)) return { kind: 'ended', end };
  return { kind: 'backingOff', untilMs: nowMs + backoffMs(quickEnds, { ...startDelays, random }) };
}
