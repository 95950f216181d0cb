import type { Shadow } from '../../../lib/shadow/shadow-document.ts';
import type { UpdateRequest } from '../../../lib/shadow/shadow-messages.ts';
import {
  noShadow,
  remove,
  shadowLimits,
  tooManyShadows,
  update,
  type BareRequest,
  type Outcome,
} from '../../../lib/shadow/shadow-request.ts';
import { tenant } from '../database/devices.ts';
import { listShadows, readShadow, writeShadow, type ShadowEntry } from '../database/shadows.ts';
import type { Database } from '../database/schema.ts';
import type { OutgoingMessage } from '../broker/ingest.ts';
import { deleteMessage, updateMessages } from './shadow-messages.ts';

export type ShadowStoreOptions = {
  readonly db: Database;
  readonly now: () => Date;
  /** To whoever is subscribed. */
  readonly publish: (message: OutgoingMessage) => void;
};

export type ShadowPlace = { readonly device: string; readonly name: string };
/** Runs in the transaction of a change that would be made, and may refuse it by rejecting. */
type Beside = (transaction: Database) => Promise<void>;

/**
 * The shadows of all devices: what is committed here is what they are. The changes of one device happen, and are told, one after
 * the other; whoever hears the topics of a shadow hears its versions in order.
 */
export class ShadowStore {
  readonly #options: ShadowStoreOptions;
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(options: ShadowStoreOptions) {
    this.#options = options;
  }

  list(device: string): Promise<ShadowEntry[]> {
    return listShadows(this.#options.db, device);
  }

  async get({ device, name }: ShadowPlace): Promise<Outcome<Shadow>> {
    const shadow = await readShadow(this.#options.db, device, name);
    return shadow.exists ? { accepted: shadow } : { rejected: noShadow(name) };
  }

  /** Resolves after the commit. [G1] */
  update(place: ShadowPlace, request: UpdateRequest, beside?: Beside): Promise<Outcome<Shadow>> {
    const address = { tenant, device: place.device };
    return this.#change(place, beside, {
      next: (previous, timestamp) => update(previous, request, timestamp),
      messages: (previous, current) =>
        updateMessages({ address, name: place.name }, request, { previous, current }),
    });
  }

  /** Resolves after the commit. [G1] */
  delete(
    place: ShadowPlace,
    { version, clientToken }: BareRequest,
    beside?: Beside,
  ): Promise<Outcome<Shadow>> {
    const address = { tenant, device: place.device };
    const { name } = place;
    return this.#change(place, beside, {
      next: (previous, timestamp) => remove(previous, { name, version }, timestamp),
      messages: (_, gone) => [deleteMessage({ address, name }, gone, clientToken)],
    });
  }

  #change(
    place: ShadowPlace,
    beside: Beside = () => Promise.resolve(),
    change: Change,
  ): Promise<Outcome<Shadow>> {
    const { db, now, publish } = this.#options;
    const { device, name } = place;
    return this.#inTurn(device, async () => {
      const timestamp = Math.floor(now().getTime() / 1000);
      let messages: OutgoingMessage[] = [];
      const outcome = await db.transaction().execute(async (transaction): Promise<Outcome<Shadow>> => {
        const previous = await readShadow(transaction, device, name);
        const next = change.next(previous, timestamp);
        if (next.rejected) return next;
        const current = next.accepted;
        if (current.exists && !previous.exists && (await isFull(transaction, device)))
          return { rejected: tooManyShadows };
        await beside(transaction);
        await writeShadow(transaction, device, name, current);
        messages = change.messages(previous, current);
        return next;
      });
      for (const message of messages) publish(message);
      return outcome;
    });
  }

  #inTurn<T>(device: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(device) ?? Promise.resolve()).then(work);
    const tail = result
      .catch(() => undefined)
      .then(() => {
        if (this.#tails.get(device) === tail) this.#tails.delete(device);
      });
    this.#tails.set(device, tail);
    return result;
  }
}

type Change = {
  readonly next: (previous: Shadow, timestamp: number) => Outcome<Shadow>;
  readonly messages: (previous: Shadow, current: Shadow) => OutgoingMessage[];
};

async function isFull(db: Database, device: string): Promise<boolean> {
  return (await listShadows(db, device)).length >= shadowLimits.shadows;
}
