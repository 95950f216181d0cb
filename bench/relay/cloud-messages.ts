import { z } from 'zod';
import { messagePageSchema, type MessagePage } from '../../cloud-sync/protocol/api.ts';
import { createHttpsClient, type HttpsClient } from '../../lib/https-client.ts';

export type CloudMessagesOptions = {
  readonly url: string;
  readonly token: string;
  /** PEM. */
  readonly ca: string;
  readonly device: string;
  readonly stream: string;
};

/** What the cloud stored, counted. `firstReceivedMs`: when it stored the first, milliseconds since 1970. */
export type Counted = {
  readonly count: number;
  readonly firstReceivedMs: number;
  readonly lastReceivedMs: number;
};

const pageBytes = 64 * 2 ** 20;
const pageRows = 1000;
const problemSchema = z.object({ message: z.string() });

/** Reads one stream over the cloud's HTTP API, as an operator's own script would. */
export class CloudMessages implements AsyncDisposable {
  readonly #options: CloudMessagesOptions;
  readonly #http: HttpsClient;
  #cursor = 0;
  #lastSeq = 0;

  constructor(options: CloudMessagesOptions) {
    this.#options = options;
    this.#http = createHttpsClient({ ca: options.ca });
  }

  /** Everything since the last call. Throws when a message is missing, comes twice, or is a gap record. */
  async countNew(): Promise<Counted> {
    let counted = { count: 0, firstReceivedMs: Number.NaN, lastReceivedMs: Number.NaN };
    for (;;) {
      const { messages, next, position } = await this.#page();
      this.#cursor = position;
      for (const { seq, gap, received } of messages) {
        if (gap !== null || seq !== this.#lastSeq + 1)
          throw new Error(`After message ${this.#lastSeq} the cloud has ${gap ? 'a gap at' : ''} ${seq}`);
        this.#lastSeq = seq;
        const receivedMs = Date.parse(received);
        const firstReceivedMs = counted.count === 0 ? receivedMs : counted.firstReceivedMs;
        counted = { count: counted.count + 1, firstReceivedMs, lastReceivedMs: receivedMs };
      }
      if (next === null) return counted;
    }
  }

  async #page(): Promise<MessagePage> {
    const { url, token, device, stream } = this.#options;
    const answer = await this.#http.request({
      url: `${url}/v1/devices/${device}/messages?stream=${stream}&after=${this.#cursor}&limit=${pageRows}`,
      headers: { authorization: `Bearer ${token}` },
    });
    const body: unknown = JSON.parse(Buffer.from(await answer.bytes(pageBytes)).toString('utf8'));
    if (answer.status !== 200) throw new Error(`The cloud answers: ${problemSchema.parse(body).message}`);
    return messagePageSchema.parse(body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }
}
