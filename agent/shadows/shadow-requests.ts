import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { documentMessage, rejectedMessage, type Rejection } from '../../lib/shadow/shadow-messages.ts';
import { noShadow, readBareRequest, readUpdate, tokenIn } from '../../lib/shadow/shadow-request.ts';
import { deletedMessages, localMessage, updatedMessages } from './local-messages.ts';
import { deleteHere, updateHere } from './replica.ts';
import type { ShadowReplicas } from './shadow-replicas.ts';
import type { ShadowRequestTopic } from './shadow-topics.ts';

export type ShadowRequestsOptions = {
  readonly replicas: Pick<ShadowReplicas, 'read' | 'change' | 'say'>;
  /** The shadow is another one now. */
  readonly onChange: (name: string) => void;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** Answers what local MQTT clients ask of shadows, with or without a network. [G4] */
export class ShadowRequests {
  readonly #options: ShadowRequestsOptions;

  constructor(options: ShadowRequestsOptions) {
    this.#options = options;
  }

  /** Resolves after what is asked is committed and answered. [G1] Rejects as the store's commit does. */
  async take(request: ShadowRequestTopic, payload: Uint8Array): Promise<void> {
    const { replicas, now, logger } = this.#options;
    const rejection = await this.#answer(request, payload);
    if (!rejection) return;
    const { name, verb } = request;
    logger.info('shadow.rejected', { shadow: name, verb, code: rejection.code, reason: rejection.message });
    const timestamp = Math.floor(now().getTime() / 1000);
    const body = rejectedMessage(rejection, timestamp, tokenIn(payload));
    await replicas.say([localMessage(name, `${verb}/rejected`, body)]).catch((error: unknown) => {
      logger.warn('shadow.unanswered', { shadow: name, error: errorMessage(error) });
    });
  }

  #answer({ name, verb }: ShadowRequestTopic, payload: Uint8Array): Promise<Rejection | undefined> {
    switch (verb) {
      case 'update':
        return this.#update(name, payload);
      case 'delete':
        return this.#delete(name, payload);
      case 'get':
        return this.#get(name, payload);
      default:
        return verb satisfies never;
    }
  }

  async #update(name: string, payload: Uint8Array): Promise<Rejection | undefined> {
    const { accepted: request, rejected } = readUpdate(payload);
    if (rejected) return rejected;
    const outcome = await this.#options.replicas.change(name, {
      next: (replica, timestamp) => updateHere(replica, request, timestamp),
      messages: ({ local: previous }, { local: current }) =>
        updatedMessages(name, request, { previous, current }),
    });
    if (!outcome.rejected) this.#options.onChange(name);
    return outcome.rejected;
  }

  async #delete(name: string, payload: Uint8Array): Promise<Rejection | undefined> {
    const { accepted: request, rejected } = readBareRequest(payload);
    if (rejected) return rejected;
    const outcome = await this.#options.replicas.change(name, {
      next: (replica, timestamp) => deleteHere(replica, { name, version: request.version }, timestamp),
      messages: (_, { local }) => deletedMessages(name, local, request.clientToken),
    });
    if (!outcome.rejected) this.#options.onChange(name);
    return outcome.rejected;
  }

  async #get(name: string, payload: Uint8Array): Promise<Rejection | undefined> {
    const { accepted: request, rejected } = readBareRequest(payload);
    if (rejected) return rejected;
    const { replicas } = this.#options;
    const { local } = await replicas.read(name);
    if (!local.exists) return noShadow(name);
    await replicas.say([localMessage(name, 'get/accepted', documentMessage(local, request.clientToken))]);
    return undefined;
  }
}
