import type { Component } from '../../cloud-sync/protocol/messages.ts';
import type { LaneStatus } from './dispatcher.ts';

export type FunctionStatus = {
  readonly queued: number;
  readonly inFlight: number;
  readonly deadLetters: number;
  readonly denials: number;
  readonly paused: { readonly reason: string; readonly until: string | null; readonly drops: boolean } | null;
  readonly budget: {
    readonly day: string;
    readonly invocations: number;
    readonly egressBytes: number;
    readonly cpuMs: number;
    readonly dropped: number;
    readonly lifted: boolean;
  } | null;
};

/** A function as the control socket tells it. */
export function statusOf({
  queued,
  inFlight,
  deadLetters,
  denials,
  hold,
  budget,
}: LaneStatus): FunctionStatus {
  const paused = hold && {
    reason: hold.reason,
    until: hold.untilMs === undefined ? null : new Date(hold.untilMs).toISOString(),
    drops: hold.kind === 'drop',
  };
  return {
    queued,
    inFlight,
    deadLetters,
    denials,
    paused: paused ?? null,
    budget: budget ? spentOf(budget) : null,
  };
}

/** A function as it is reported to the cloud. `unreached`: why not every event gets to it. */
export function componentOf(
  lane: Pick<LaneStatus, 'problem' | 'lacks' | 'hold'>,
  { digest, unreached }: { readonly digest: string | undefined; readonly unreached: string | undefined },
): Component {
  const [state, message] = stateOf(lane, unreached);
  return {
    kind: 'function',
    state,
    ...(digest !== undefined && { digest }),
    ...(message !== undefined && { message: message.slice(0, 2048) }),
  };
}

function stateOf(
  { problem, lacks, hold }: Pick<LaneStatus, 'problem' | 'lacks' | 'hold'>,
  unreached: string | undefined,
): [Component['state'], string | undefined] {
  if (lacks !== undefined) return ['waiting', lacks];
  if (problem !== undefined) return ['failed', problem];
  if (hold) return ['paused', pausedMessage(hold)];
  if (unreached !== undefined) return ['waiting', unreached];
  return ['running', undefined];
}

function pausedMessage({ kind, reason, untilMs }: NonNullable<LaneStatus['hold']>): string {
  const what = kind === 'drop' ? 'Drops its events' : 'Paused';
  const until = untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;
  return `${what}${until}: ${reason}`;
}

function spentOf(budget: NonNullable<LaneStatus['budget']>): NonNullable<FunctionStatus['budget']> {
  const { day, invocations, egressBytes, cpuMs, dropped, lifted } = budget;
  return { day, invocations, egressBytes, cpuMs, dropped, lifted };
}
