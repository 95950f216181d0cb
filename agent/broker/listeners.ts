import type { Duplex } from 'node:stream';
import type { Component } from '../../cloud-sync/protocol/messages.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ListenerSpec } from '../../manifests/network.ts';
import type { SecretSource } from '../gateway/ports.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { ListenerCertificates } from './listener-certificates.ts';
import { Listener } from './listener.ts';
import type { Peer } from './packet-guard.ts';

export type ListenersOptions = {
  readonly root: string;
  readonly secrets: SecretSource;
  readonly broker: {
    readonly connections: ConnectionLimits;
    connect(stream: Duplex, peer: Peer, onAuthenticated: () => void): void;
  };
  /** A listener has a problem, or has it no more. */
  readonly onChange: () => void;
  readonly now: () => Date;
  readonly logger: Logger;
};

type ListenerStatus = {
  readonly protocol: ListenerSpec['protocol'];
  readonly host: string;
  readonly port: number;
  readonly problem: string | null;
};

export type ListenersStatus = {
  readonly listeners: Record<string, ListenerStatus>;
  /** What clients of TLS listeners are to trust; null while no listener has a certificate of the device. */
  readonly ca: { readonly path: string; readonly pem: string } | null;
};

/** The listeners of the manifest, besides the one on loopback that is always there. */
export class Listeners implements AsyncDisposable {
  readonly #options: ListenersOptions;
  readonly #certificates: ListenerCertificates;
  readonly #listeners = new Map<string, Listener>();
  readonly #stopListening: () => void;
  #ca: string | undefined;

  constructor(options: ListenersOptions) {
    const { root, secrets, now } = options;
    this.#options = options;
    this.#certificates = new ListenerCertificates({ root, secrets, now });
    this.#stopListening = secrets.onChange((name) => void this.#secretChanged(name));
  }

  /** One that did not change goes on. Resolves when all listen or know why not. */
  async configure(specs: Readonly<Record<string, ListenerSpec>>): Promise<void> {
    for (const [name, listener] of this.#listeners) {
      if (JSON.stringify(specs[name]) === JSON.stringify(listener.spec)) continue;
      this.#listeners.delete(name);
      await listener[Symbol.asyncDispose]();
    }
    const added = Object.entries(specs).filter(([name]) => !this.#listeners.has(name));
    for (const [name, spec] of added) this.#listeners.set(name, this.#create(name, spec));
    await Promise.all([...this.#listeners.values()].map((listener) => listener.open()));
    await this.#lookForCa();
  }

  /** Replaces certificates that end soon or are for other addresses than the machine has now. */
  async tidy(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.open()));
    await this.#lookForCa();
  }

  status(): ListenersStatus {
    const listeners = [...this.#listeners].map(([name, { spec, problem }]) => {
      const { protocol, host, port } = spec;
      return [name, { protocol, host, port, problem: problem ?? null }] as const;
    });
    const ca = this.#ca === undefined ? null : { path: this.#certificates.caPath, pem: this.#ca };
    return { listeners: Object.fromEntries(listeners), ca };
  }

  /** `listeners.<name>` and how it is. */
  components(): Record<string, Component> {
    const components: Record<string, Component> = {};
    for (const [name, { problem }] of this.#listeners)
      components[`listeners.${name}`] =
        problem === undefined
          ? { kind: 'listener', state: 'running' }
          : { kind: 'listener', state: 'failed', message: problem };
    return components;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()));
  }

  #create(name: string, spec: ListenerSpec): Listener {
    const { broker, onChange, logger } = this.#options;
    return new Listener({
      ...{ name, spec, onChange, logger, connections: broker.connections },
      connect: (stream, peer, onAuthenticated) => broker.connect(stream, peer, onAuthenticated),
      material: () => this.#certificates.for(spec),
    });
  }

  async #secretChanged(secret: string): Promise<void> {
    for (const listener of this.#listeners.values()) {
      const { tls, port } = listener.spec;
      if (tls?.certificate !== secret && tls?.key !== secret) continue;
      this.#options.logger.info('mqtt.certificate.changed', { port, secret });
      await listener.open();
    }
  }

  async #lookForCa(): Promise<void> {
    try {
      this.#ca = await this.#certificates.ca();
    } catch (error) {
      this.#options.logger.error('mqtt.ca.unreadable', { error: errorMessage(error) });
    }
  }
}
