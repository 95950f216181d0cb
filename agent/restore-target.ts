import type { GenerationEntry } from '../cloud-sync/protocol/api.ts';
import type { Desired, Phase } from '../cloud-sync/protocol/messages.ts';
import type { AgentState } from './reconcile/state-schema.ts';

/** A generation that the cloud wants and that the machine did not run when it was lost. */
export type PassedOver = {
  readonly generation: number;
  /** What had become of it; null when the device had said nothing. */
  readonly phase: Phase | null;
  readonly reason: string | null;
};

export type RestoreTarget = {
  /** The generation to bring back. */
  readonly target: Desired;
  /** The agent goes on from here. */
  readonly state: Pick<AgentState, 'observed' | 'current' | 'phase' | 'conditions'>;
  readonly passedOver: PassedOver | null;
};

/**
 * What ran, when what is desired was given up by the device or is still held back: a blank machine has nothing to go back to, and
 * would keep what had failed. Otherwise what is desired. `past` are the generations of the device, the newest first.
 */
export function restoreTarget(desired: Desired, past: readonly GenerationEntry[]): RestoreTarget {
  const entry = past.find(({ generation }) => generation === desired.generation);
  const phase = entry?.phase ?? null;
  const isHeld = desired.hold === true && phase !== 'committed';
  const ran =
    isHeld || isGivenUp(phase)
      ? past.find(
          (one) =>
            one.generation < desired.generation && one.phase === 'committed' && one.digest !== desired.digest,
        )
      : undefined;
  if (!ran) return { target: desired, state: verifying(desired), passedOver: null };

  const { generation, digest, size } = ran;
  const target = { generation, digest, size };
  const reason = entry?.reason ?? null;
  const passedOver = { generation: desired.generation, phase, reason };
  // One that is held is the cloud's to offer again, to a device that runs.
  if (!isGivenUp(phase)) return { target, state: verifying(target), passedOver };
  const condition = {
    ...{ type: conditionTypes[phase], status: true, reason: 'beforeRestore' },
    message: reason ?? `Generation ${desired.generation} was given up before the machine was restored`,
  };
  const current = { generation, digest };
  return { target, state: { observed: desired, current, phase, conditions: [condition] }, passedOver };
}

type GivenUp = Extract<Phase, 'rolledBack' | 'failed' | 'rejected'>;

const conditionTypes = {
  rolledBack: 'RolledBack',
  failed: 'Failed',
  rejected: 'Rejected',
} as const satisfies Record<GivenUp, string>;

function isGivenUp(phase: Phase | null): phase is GivenUp {
  return phase !== null && Object.hasOwn(conditionTypes, phase);
}

/** As after a crash in the middle of an activation: the agent runs it, verifies and commits. */
function verifying(target: Desired): RestoreTarget['state'] {
  const { generation, digest } = target;
  return { observed: target, current: { generation, digest }, phase: 'applying', conditions: [] };
}
