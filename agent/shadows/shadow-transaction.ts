import type { Shadow } from '../../lib/shadow/shadow-document.ts';
import { documentMessage, type Rejection, type UpdateRequest } from '../../lib/shadow/shadow-messages.ts';
import {
  noShadow,
  readBareRequest,
  shadowLimits,
  tooManyShadows,
  type BareRequest,
  type Outcome,
} from '../../lib/shadow/shadow-request.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import { localMessage, rejectionMessage, type LocalMessage } from './local-messages.ts';
import type { Replica } from './replica.ts';
import { decodeReplica, replicaStore } from './replica-codec.ts';
import { replicaNames, replicaOperation } from './shadow-replicas.ts';
import { deleteStep, readStep, updateStep, type ReplicaStep } from './shadow-steps.ts';
import type { ShadowRequestTopic } from './shadow-topics.ts';

export type ShadowTransactionOptions = {
  readonly store: Pick<LocalStore, 'value' | 'keys'>;
  readonly now: () => Date;
  /** Takes what is said on the device when the transaction is committed, in order. */
  readonly say: (message: LocalMessage) => void;
};

/** `base`: as it was when the transaction first looked at it; what it makes of it rests on that. */
type Looked = { readonly base: Uint8Array | undefined; readonly replica: Replica; readonly changed: boolean };

/**
 * What one invocation of a function reads and changes of shadows, seen by nobody else before its commit. It sees a shadow as it was
 * at its first look, with its own changes. One call after the other: the second reads what the first has made.
 */
export class ShadowTransaction {
  readonly #options: ShadowTransactionOptions;
  readonly #looked = new Map<string, Looked>();

  constructor(options: ShadowTransactionOptions) {
    this.#options = options;
  }

  /** Undefined when there is none. */
  async get(name: string): Promise<Shadow | undefined> {
    const { local } = (await this.#look(name)).replica;
    return local.exists ? local : undefined;
  }

  update(name: string, request: UpdateRequest): Promise<Outcome<Shadow>> {
    return this.#change(name, updateStep(name, request));
  }

  delete(name: string, request: BareRequest): Promise<Outcome<Shadow>> {
    return this.#change(name, deleteStep(name, request));
  }

  /** Does what a message of the function asks, and says the answer. */
  async answer(request: ShadowRequestTopic, payload: Uint8Array): Promise<void> {
    const { say, now } = this.#options;
    const rejection = await this.#take(request, payload);
    if (rejection) say(rejectionMessage(request, rejection, { payload, now: now() }));
  }

  /** Refuse the commit when somebody else changed one of the shadows meanwhile. `time`: milliseconds since 1970. */
  operations(time: number): Operation[] {
    const changed = [...this.#looked].filter(([, { changed }]) => changed);
    return changed.flatMap<Operation>(([name, { base, replica }]) => [
      { op: 'check', store: replicaStore, key: name, expected: base ?? null, time },
      replicaOperation(name, replica),
    ]);
  }

  async #take({ name, verb }: ShadowRequestTopic, payload: Uint8Array): Promise<Rejection | undefined> {
    if (verb !== 'get') {
      const { accepted: step, rejected } = readStep({ name, verb }, payload);
      return rejected ?? (await this.#change(name, step)).rejected;
    }
    const { accepted: request, rejected } = readBareRequest(payload);
    if (rejected) return rejected;
    const shadow = await this.get(name);
    if (!shadow) return noShadow(name);
    this.#options.say(localMessage(name, 'get/accepted', documentMessage(shadow, request.clientToken)));
    return undefined;
  }

  async #change(name: string, { next, messages }: ReplicaStep): Promise<Outcome<Shadow>> {
    const { now, say } = this.#options;
    const { base, replica: previous, changed } = await this.#look(name);
    const { accepted: replica, rejected } = next(previous, Math.floor(now().getTime() / 1000));
    if (rejected) return { rejected };
    if (!base && !changed && (await this.#isFull())) return { rejected: tooManyShadows };
    for (const message of messages(previous, replica)) say(message);
    this.#looked.set(name, { base, replica, changed: true });
    return { accepted: replica.local };
  }

  async #look(name: string): Promise<Looked> {
    const before = this.#looked.get(name);
    if (before) return before;
    const base = await this.#options.store.value(replicaStore, name);
    const looked = { base, replica: decodeReplica(name, base), changed: false };
    this.#looked.set(name, looked);
    return looked;
  }

  /** With those that this transaction makes. */
  async #isFull(): Promise<boolean> {
    const made = [...this.#looked].flatMap(([name, { changed }]) => (changed ? [name] : []));
    return new Set([...(await replicaNames(this.#options.store)), ...made]).size >= shadowLimits.shadows;
  }
}
