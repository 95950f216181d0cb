import { errorCode } from '../../lib/error-code.ts';
import { shadowLimits, tooManyShadows, type Outcome } from '../../lib/shadow/shadow-request.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import { messageOperations } from '../triggers/message-operations.ts';
import type { Routes } from '../triggers/routes.ts';
import type { LocalMessage } from './local-messages.ts';
import { isForgotten, type Replica } from './replica.ts';
import { decodeReplica, encodeReplica, replicaStore } from './replica-codec.ts';
import type { ReplicaStep } from './shadow-steps.ts';

export type ShadowReplicasOptions = {
  readonly store: Pick<LocalStore, 'value' | 'keys' | 'commit'>;
  readonly routes: () => Routes;
  /** Hands committed messages to the local subscribers. */
  readonly deliver: (messages: readonly LocalMessage[]) => Promise<void>;
  readonly now: () => Date;
};

const attempts = 100;

/** The replicas of shadows in the local store. A change is one transaction with all that it says here. [G1] */
export class ShadowReplicas {
  readonly #options: ShadowReplicasOptions;

  constructor(options: ShadowReplicasOptions) {
    this.#options = options;
  }

  async read(name: string): Promise<Replica> {
    return decodeReplica(name, await this.#options.store.value(replicaStore, name));
  }

  /** Of all shadows that are here or were told of by the cloud. */
  names(): Promise<string[]> {
    return replicaNames(this.#options.store);
  }

  /** Resolves after the commit. Rejects as the store's commit does. */
  async change(name: string, step: ReplicaStep): Promise<Outcome<Replica>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#changeOnce(name, step);
      } catch (error) {
        if (errorCode(error) !== 'conflict' || attempt >= attempts) throw error;
      }
    }
  }

  async #changeOnce(name: string, { next, messages }: ReplicaStep): Promise<Outcome<Replica>> {
    const { store, now, deliver } = this.#options;
    const bytes = await store.value(replicaStore, name);
    const previous = decodeReplica(name, bytes);
    const time = now().getTime();
    const outcome = next(previous, Math.floor(time / 1000));
    if (outcome.rejected || outcome.accepted === previous) return outcome;
    const replica = outcome.accepted;
    if (!previous.local.exists && replica.local.exists && !bytes && (await this.#isFull()))
      return { rejected: tooManyShadows };
    const said = messages(previous, replica);
    await store.commit([
      { op: 'check', store: replicaStore, key: name, expected: bytes ?? null, time },
      replicaOperation(name, replica),
      ...this.#messageOperations(said, time),
    ]);
    await deliver(said);
    return outcome;
  }

  /** Says something that changes nothing: refusals, and what was asked for. */
  async say(messages: readonly LocalMessage[]): Promise<void> {
    const { store, now, deliver } = this.#options;
    await store.commit(this.#messageOperations(messages, now().getTime()));
    await deliver(messages);
  }

  #messageOperations(messages: readonly LocalMessage[], time: number): Operation[] {
    const routes = this.#options.routes();
    // As with what functions publish: the queues it feeds take double, then dead letters.
    const capacity = (name: string): number => 2 * routes.capacity(name);
    return messages.flatMap((message) => messageOperations(routes, message, { time, hops: 0, capacity }));
  }

  async #isFull(): Promise<boolean> {
    return (await this.names()).length >= shadowLimits.shadows;
  }
}

export function replicaNames(store: Pick<LocalStore, 'keys'>): Promise<string[]> {
  return store.keys({ store: replicaStore, prefix: '', after: '', limit: 2 * shadowLimits.shadows });
}

export function replicaOperation(key: string, replica: Replica): Operation {
  if (isForgotten(replica)) return { op: 'remove', store: replicaStore, key };
  return { op: 'put', store: replicaStore, key, value: encodeReplica(replica) };
}
