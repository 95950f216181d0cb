import type { Logger } from '../../lib/logger.ts';
import type { createDelivery } from '../broker/delivery.ts';
import type { IncomingMessage } from '../streams/bounds.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Routes } from '../triggers/routes.ts';
import { ShadowReplicas } from './shadow-replicas.ts';
import { ShadowRequests } from './shadow-requests.ts';
import { ShadowSync } from './shadow-sync.ts';
import { changedShadow, parseShadowRequest } from './shadow-topics.ts';
import type { ShadowUplink } from './shadow-uplink.ts';

type Deliver = ReturnType<typeof createDelivery>;

export type ShadowsOptions = {
  readonly store: Pick<LocalStore, 'value' | 'keys' | 'commit'>;
  readonly routes: () => Routes;
  readonly deliver: Deliver;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** The device's shadows: they work here at any time, and are brought together with the cloud's when there is a link. */
export class Shadows implements AsyncDisposable {
  readonly #requests: ShadowRequests;
  readonly #sync: ShadowSync;
  /** Hands what functions published to local subscribers; the shadows they changed go up. */
  readonly deliver: Deliver;

  constructor({ store, routes, deliver, now, logger }: ShadowsOptions) {
    const replicas = new ShadowReplicas({ store, routes, deliver, now });
    this.#sync = new ShadowSync({ replicas, logger });
    this.deliver = (messages) => {
      for (const { topic } of messages) {
        const name = changedShadow(topic);
        if (name !== undefined) this.#sync.wake(name);
      }
      return deliver(messages);
    };
    const onChange = (name: string): void => this.#sync.wake(name);
    this.#requests = new ShadowRequests({ replicas, onChange, now, logger });
  }

  attach(link: ShadowUplink): void {
    this.#sync.attach(link);
  }

  /** Does what a message of a local client asks; undefined when it asks nothing of a shadow. Rejects as the store's commit does. */
  take({ topic, payload }: Pick<IncomingMessage, 'topic' | 'payload'>): Promise<void> | undefined {
    const request = parseShadowRequest(topic);
    return request && this.#requests.take(request, payload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sync[Symbol.asyncDispose]();
  }
}
