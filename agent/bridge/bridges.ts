import type { Component } from '../../cloud-sync/protocol/messages.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/machine.ts';
import type { BridgeSpec } from '../../manifests/network.ts';
import type { SecretSource } from '../gateway/ports.ts';
import { Bridge, type BridgeStatus } from './bridge.ts';
import type { BridgeStore, PublishHere } from './ports.ts';

export type BridgesOptions = {
  readonly store: BridgeStore;
  readonly publish: PublishHere;
  readonly secrets: SecretSource;
  readonly now: () => Date;
  readonly logger: Logger;
  /** `components` may say something else than before. */
  readonly onChange: () => void;
};

type Running = { readonly bridge: Bridge; readonly form: string };

/** The connections to other brokers that the manifest describes. Follows one generation. */
export class Bridges implements AsyncDisposable {
  readonly #options: BridgesOptions;
  readonly #running = new Map<string, Running>();
  readonly #stopListening: () => void;

  constructor(options: BridgesOptions) {
    this.#options = options;
    this.#stopListening = options.secrets.onChange((name) => this.#secretChanged(name));
  }

  /** One call after the other. A bridge that stays as it is keeps its connection. */
  async configure({ metadata, bridges }: Pick<Machine, 'metadata' | 'bridges'>): Promise<void> {
    const wanted = new Map<string, Running>();
    for (const [name, spec] of Object.entries(bridges)) {
      const origins = sameBroker(bridges, spec);
      const form = JSON.stringify([metadata.name, spec, origins]);
      const present = this.#running.get(name);
      if (present?.form === form) wanted.set(name, present);
      else {
        const { logger, ...rest } = this.#options;
        const own = { name, spec, device: metadata.name, logger: logger.child({ bridge: name }) };
        // Cursors of the present one are written down first: the new one goes on from there.
        if (present) await this.#end(present, spec);
        const bridge = new Bridge({ ...rest, ...own, origins: new Set(origins) });
        bridge.start();
        wanted.set(name, { bridge, form });
      }
    }
    for (const [name, present] of this.#running) if (!Object.hasOwn(bridges, name)) await this.#end(present);
    this.#running.clear();
    for (const [name, running] of wanted) this.#running.set(name, running);
    this.#options.onChange();
  }

  status(): Record<string, BridgeStatus> {
    return Object.fromEntries([...this.#running].map(([name, { bridge }]) => [name, bridge.status]));
  }

  /** `bridges.<name>` and how it is. */
  components(): Record<string, Component> {
    return Object.fromEntries(
      [...this.#running].map(([name, { bridge }]) => [`bridges.${name}`, bridge.component]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    await Promise.all([...this.#running.values()].map(({ bridge }) => bridge[Symbol.asyncDispose]()));
  }

  /** `next`: what takes its place; what that does not subscribe to is ended at the other broker. */
  async #end({ bridge }: Running, next?: BridgeSpec): Promise<void> {
    const kept = new Set(next?.in.flatMap(({ topics }) => topics));
    const filters = new Set(bridge.spec.in.flatMap(({ topics }) => topics));
    await bridge.forget([...filters].filter((filter) => !kept.has(filter)));
    await bridge[Symbol.asyncDispose]();
  }

  #secretChanged(secret: string): void {
    for (const { bridge } of this.#running.values()) if (bridge.secrets.includes(secret)) bridge.reconnect();
  }
}

/** Names of the bridges to the broker of `spec`: two of them would send each other's messages in a circle. */
function sameBroker(bridges: Machine['bridges'], spec: BridgeSpec): string[] {
  const host = hostOf(spec);
  return Object.entries(bridges).flatMap(([name, other]) => (hostOf(other) === host ? [name] : []));
}

function hostOf({ url }: BridgeSpec): string {
  return new URL(url).host;
}
