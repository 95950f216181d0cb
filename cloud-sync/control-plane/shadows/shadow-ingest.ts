import { TokenBucket } from '../../../lib/token-bucket.ts';
import { documentMessage, rejectedMessage, type Rejection } from '../../../lib/shadow/shadow-messages.ts';
import { readBareRequest, readUpdate, tokenIn } from '../../../lib/shadow/shadow-request.ts';
import { SyncError } from '../../errors.ts';
import { deviceTopics, type ShadowUpTopic } from '../../protocol/topics.ts';
import type { OutgoingMessage } from '../broker/ingest.ts';
import { certificateStatus } from '../database/certificates.ts';
import type { Database } from '../database/schema.ts';
import type { DeviceIdentity } from '../identity.ts';
import type { ShadowStore } from './shadow-store.ts';

export type ShadowIngestOptions = {
  readonly store: ShadowStore;
  readonly now: () => Date;
  readonly publish: (message: OutgoingMessage) => void;
};

/** Requests of one device: enough for an agent that comes back with all of its shadows changed. */
const rate = { count: 400, perMs: 20_000 };

/** Answers what devices ask of their shadows by MQTT. */
export class ShadowIngest {
  readonly #options: ShadowIngestOptions;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: ShadowIngestOptions) {
    this.#options = options;
  }

  /** Resolves after the answer was given, and before it what it says committed. [G1] Rejects with SyncError 'revoked'. */
  async take(source: DeviceIdentity, up: ShadowUpTopic, payload: Uint8Array): Promise<void> {
    const rejection = await this.#answer(source, up, payload);
    if (rejection) this.#say(source, up, 'rejected', this.#refusal(rejection, payload));
  }

  async #answer(
    source: DeviceIdentity,
    up: ShadowUpTopic,
    payload: Uint8Array,
  ): Promise<Rejection | undefined> {
    if (this.#bucket(source.device).take() > 0)
      return { code: 429, message: 'Too many requests of this device; send them more slowly' };
    if (up.verb === 'update') {
      const { accepted: request, rejected } = readUpdate(payload);
      if (rejected) return rejected;
      return (await this.#options.store.update(placeOf(source, up), request, valid(source))).rejected;
    }
    const { accepted: request, rejected } = readBareRequest(payload);
    if (rejected) return rejected;
    if (up.verb === 'delete')
      return (await this.#options.store.delete(placeOf(source, up), request, valid(source))).rejected;
    return this.#tell(source, up, request.clientToken);
  }

  /** `get` and `list` */
  async #tell(
    source: DeviceIdentity,
    up: ShadowUpTopic,
    clientToken: string | undefined,
  ): Promise<Rejection | undefined> {
    const { store, now } = this.#options;
    if (up.verb === 'list') {
      const timestamp = Math.floor(now().getTime() / 1000);
      const token = clientToken === undefined ? {} : { clientToken };
      this.#say(source, up, 'accepted', { shadows: await store.list(source.device), timestamp, ...token });
      return undefined;
    }
    const { accepted: shadow, rejected } = await store.get(placeOf(source, up));
    if (rejected) return rejected;
    this.#say(source, up, 'accepted', documentMessage(shadow, clientToken));
    return undefined;
  }

  #say(source: DeviceIdentity, up: ShadowUpTopic, how: 'accepted' | 'rejected', body: object): void {
    const { shadow, shadowList } = deviceTopics(source);
    const topic = up.verb === 'list' ? `${shadowList}/${how}` : shadow(up.name, `${up.verb}/${how}`);
    this.#options.publish({ topic, payload: JSON.stringify(body) });
  }

  #refusal(rejection: Rejection, payload: Uint8Array): object {
    const timestamp = Math.floor(this.#options.now().getTime() / 1000);
    return rejectedMessage(rejection, timestamp, tokenIn(payload));
  }

  #bucket(device: string): TokenBucket {
    const bucket = this.#buckets.get(device) ?? new TokenBucket(rate);
    this.#buckets.set(device, bucket);
    return bucket;
  }
}

const placeOf = ({ device }: DeviceIdentity, up: ShadowUpTopic) => ({
  device,
  name: up.verb === 'list' ? '' : up.name,
});

/** A certificate that was replaced changes nothing more. */
const valid =
  ({ device, serial }: DeviceIdentity) =>
  async (transaction: Database): Promise<void> => {
    const status = await certificateStatus(transaction, serial, device);
    if (status !== 'valid')
      throw new SyncError('revoked', `The certificate ${serial} of ${device} is ${status}`);
  };
