import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { documentMessage, type Rejection } from '../../lib/shadow/shadow-messages.ts';
import { noShadow, readBareRequest } from '../../lib/shadow/shadow-request.ts';
import { localMessage, rejectionMessage } from './local-messages.ts';
import type { ShadowReplicas } from './shadow-replicas.ts';
import { readStep } from './shadow-steps.ts';
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
    const answer = rejectionMessage(request, rejection, { payload, now: now() });
    await replicas.say([answer]).catch((error: unknown) => {
      logger.warn('shadow.unanswered', { shadow: name, error: errorMessage(error) });
    });
  }

  #answer({ name, verb }: ShadowRequestTopic, payload: Uint8Array): Promise<Rejection | undefined> {
    return verb === 'get' ? this.#get(name, payload) : this.#change({ name, verb }, payload);
  }

  async #change(
    request: { readonly name: string; readonly verb: 'update' | 'delete' },
    payload: Uint8Array,
  ): Promise<Rejection | undefined> {
    const { accepted: step, rejected } = readStep(request, payload);
    if (rejected) return rejected;
    const outcome = await this.#options.replicas.change(request.name, step);
    if (!outcome.rejected) this.#options.onChange(request.name);
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
