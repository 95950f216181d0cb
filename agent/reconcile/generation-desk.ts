import type { Phase } from '../../cloud-sync/protocol/messages.ts';
import { AgentError } from '../errors.ts';
import { withOutcome } from './history.ts';
import type { ManifestSource } from './ports.ts';
import type { Reconciler } from './reconciler.ts';
import { stateBounds, type AgentState, type Pointer, type StateHolder } from './state-schema.ts';

export type GenerationDeskOptions = {
  readonly store: StateHolder;
  readonly manifests: Pick<ManifestSource, 'load'>;
  readonly reconciler: Pick<Reconciler, 'offer'>;
  readonly now: () => Date;
};

/** Of one generation that this device knows. */
export type KnownGeneration = Pointer & {
  readonly current: boolean;
  /** Of the newest: what it has reached. Of others: how they ended. */
  readonly phase: Phase;
  readonly reason: string | null;
  readonly time: string | null;
  readonly pinned: boolean;
};

/** What somebody on this machine may see of generations, and do with them. */
export class GenerationDesk {
  readonly #options: GenerationDeskOptions;

  constructor(options: GenerationDeskOptions) {
    this.#options = options;
  }

  /** The newest first. */
  list(): KnownGeneration[] {
    const { state } = this.#options.store;
    const { history, observed, current, previous } = state;
    const known = new Map<number, Pointer>();
    for (const one of [...history, previous, current, observed]) if (one) known.set(one.generation, one);
    return [...known.values()]
      .sort((a, b) => b.generation - a.generation)
      .map((pointer) => describe(state, pointer));
  }

  /** Lets the newest generation go live, wherever it waits. Rejects with AgentError 'notConfigured', 'unknownGeneration'. */
  async activate(generation: number | undefined): Promise<{ generation: number; phase: string }> {
    const { store, reconciler } = this.#options;
    const { observed } = store.state;
    if (!observed) throw new AgentError('notConfigured', 'Nothing was deployed to this device yet');
    if (generation !== undefined && generation !== observed.generation) {
      throw new AgentError(
        'unknownGeneration',
        `Generation ${generation} cannot be activated: the newest here is ${observed.generation}`,
        { hint: 'To go back to an earlier one, from where the cloud is: holdfast rollback DEVICE --to N.' },
      );
    }
    const { hold: _hold, ...pointer } = observed;
    await reconciler.offer({ ...pointer, now: true }, { live: true });
    return { generation: observed.generation, phase: store.state.phase ?? 'accepted' };
  }

  /** Keeps it on disk. Rejects with AgentError 'unknownGeneration' when it is not there whole any more, 'tooLarge'. */
  async pin(generation: number): Promise<number[]> {
    const { store, manifests, now } = this.#options;
    const pointer = this.list().find((one) => one.generation === generation);
    const isThere = pointer && (await manifests.load(pointer).then(Boolean, () => false));
    if (!isThere) {
      throw new AgentError('unknownGeneration', `Generation ${generation} is not on this device`, {
        hint: 'See those that are: holdfast generations.',
      });
    }
    await store.update((state) => {
      const { pinned, history, current } = state;
      if (pinned.includes(generation)) return {};
      if (pinned.length >= stateBounds.pinnedMax)
        throw new AgentError('tooLarge', `${pinned.length} generations are pinned already`, {
          hint: 'Unpin one: holdfast unpin N.',
        });
      // What runs since before there was a history has to be found by its number later.
      const isUnlisted =
        current?.generation === generation && !history.some((one) => one.generation === generation);
      return {
        pinned: [...pinned, generation].sort((a, b) => a - b),
        ...(isUnlisted && {
          history: withOutcome(state, current, { time: now().toISOString(), outcome: 'committed' }),
        }),
      };
    });
    return store.state.pinned;
  }

  /** What it takes is freed after the next update. */
  async unpin(generation: number): Promise<number[]> {
    const { store } = this.#options;
    if (!store.state.pinned.includes(generation))
      throw new AgentError('unknownGeneration', `Generation ${generation} is not pinned`, {
        hint: 'See those that are: holdfast generations.',
      });
    await store.update(({ pinned }) => ({ pinned: pinned.filter((one) => one !== generation) }));
    return store.state.pinned;
  }
}

function describe(state: AgentState, { generation, digest }: Pointer): KnownGeneration {
  const { observed, current, phase, conditions, history, pinned } = state;
  const tried = history.findLast((one) => one.generation === generation);
  const about = {
    ...{ generation, digest },
    ...{ current: current?.generation === generation, pinned: pinned.includes(generation) },
  };
  if (observed?.generation === generation && phase !== null) {
    const reason = conditions.map(({ message }) => message).join(' ');
    return { ...about, phase, reason: reason === '' ? null : reason, time: tried?.time ?? null };
  }
  return {
    ...about,
    phase: tried?.outcome ?? 'committed',
    reason: tried?.reason ?? null,
    time: tried?.time ?? null,
  };
}
