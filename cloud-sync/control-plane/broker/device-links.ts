import type { Client } from 'aedes';
import { onlineSchema } from '../../protocol/messages.ts';
import type { DeviceIdentity } from '../identity.ts';

/** After this long without its last will a device that is gone is said to be gone for it. Milliseconds. */
const willGraceMs = 250;

/**
 * Which connection speaks for a device: the latest that showed its certificate. What an older one says about presence, its last
 * will too, does not count any more; and when the latest ends without a word, its absence is told for it.
 */
export class DeviceLinks implements Disposable {
  readonly #latest = new Map<string, Client>();
  /** What each connection said last about presence, as it came. */
  readonly #said = new WeakMap<Client, Uint8Array>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #onGone: (identity: DeviceIdentity, offline: Uint8Array) => void;

  /** `onGone`: the payload to take in as if the device had said it. */
  constructor(onGone: (identity: DeviceIdentity, offline: Uint8Array) => void) {
    this.#onGone = onGone;
  }

  /** Before the older connection is closed in favour of this one. */
  arrived(client: Client, identity: DeviceIdentity): void {
    this.#latest.set(identity.device, client);
    client.conn.once('close', () => this.#left(client, identity));
  }

  /** Another connection has taken its place. */
  isReplaced(client: Client, { device }: DeviceIdentity): boolean {
    const latest = this.#latest.get(device);
    return latest !== undefined && latest !== client;
  }

  /** It said this about presence, or its last will did. */
  said(client: Client, payload: Uint8Array): void {
    this.#said.set(client, payload);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #left(client: Client, identity: DeviceIdentity): void {
    if (this.#latest.get(identity.device) !== client) return;
    this.#latest.delete(identity.device);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const offline = offlineOf(this.#said.get(client));
      if (offline && !this.#latest.has(identity.device)) this.#onGone(identity, offline);
    }, willGraceMs);
    this.#timers.add(timer);
  }
}

/** The contrary of what it said; undefined when it said that it goes, or nothing that can be read. */
function offlineOf(said: Uint8Array | undefined): Uint8Array | undefined {
  if (!said) return undefined;
  const { data } = onlineSchema.safeParse(parse(said));
  return data?.online ? Buffer.from(JSON.stringify({ ...data, online: false })) : undefined;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
