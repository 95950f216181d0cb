import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createHttpsClient, type HttpsClient } from '../../lib/https-client.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';

const contextSchema = z.object({ url: z.string(), token: z.string(), ca: z.string() });
const pageSchema = z.object({
  messages: z.array(
    z.object({
      stream: z.string(),
      topic: z.string().nullable(),
      payload: z.string().nullable(),
      gap: z.unknown(),
    }),
  ),
  next: z.number().nullable(),
  position: z.number(),
});

/** The agent's built-in stream of its own logs and metrics. */
const observability = 'observability';

export type StoredRow = { readonly topic: string; readonly value: unknown };

/** Reads what the cloud stored, over its public HTTP API, as an operator's own script would. */
export class CloudReader implements AsyncDisposable {
  readonly #http: HttpsClient;
  readonly #url: string;
  readonly #token: string;
  readonly #device: string;
  readonly #rows: StoredRow[] = [];
  #gaps = 0;
  #cursor = 0;

  private constructor(http: HttpsClient, { url, token }: { url: string; token: string }, device: string) {
    this.#http = http;
    this.#url = url;
    this.#token = token;
    this.#device = device;
  }

  static async open(contextFile: string, device: string): Promise<CloudReader> {
    const context = contextSchema.parse(JSON.parse(await readFile(contextFile, 'utf8')));
    return new CloudReader(createHttpsClient({ ca: context.ca }), context, device);
  }

  /**
   * Every message so far, in the order in which the cloud stored them; `gaps` counts gap records. Without what the agent says
   * of itself.
   */
  async rows(signal: AbortSignal): Promise<{ rows: readonly StoredRow[]; gaps: number }> {
    for (;;) {
      const page = await this.#page(signal);
      this.#cursor = page.position;
      for (const { stream, topic, payload, gap } of page.messages) {
        if (stream === observability) continue;
        if (gap !== null || topic === null || payload === null) this.#gaps += 1;
        else
          this.#rows.push({
            topic,
            value: JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as unknown,
          });
      }
      if (page.next === null) return { rows: this.#rows, gaps: this.#gaps };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  /** One page after the cursor; waits while the cloud is being restarted. */
  async #page(signal: AbortSignal): Promise<z.output<typeof pageSchema>> {
    const url = `${this.#url}/v1/devices/${this.#device}/messages?after=${this.#cursor}&limit=1000`;
    for (;;) {
      try {
        const answer = await this.#http.request({
          url,
          headers: { authorization: `Bearer ${this.#token}` },
          signal,
        });
        const body = Buffer.from(await answer.bytes(64 * 2 ** 20)).toString('utf8');
        if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${body}`);
        return pageSchema.parse(JSON.parse(body));
      } catch (error) {
        if (!isTransientNetworkError(error)) throw error;
        await sleep(200, undefined, { signal });
      }
    }
  }
}
