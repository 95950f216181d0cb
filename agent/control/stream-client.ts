import type { HttpsRequest } from '../../lib/https-client.ts';
import { AgentError } from '../errors.ts';
import type { ControlTransport } from './control-transport.ts';
import {
  positionSchema,
  recordLineSchema,
  nothingSchema,
  removedSchema,
  replayLineSchema,
  streamsSchema,
  type RecordLine,
  type ReplayRequest,
  type Streams,
} from './stream-protocol.ts';

export type RecordsQuery = {
  readonly from?: number | undefined;
  readonly since?: string | undefined;
  readonly consumer?: string | undefined;
  readonly tail?: number | undefined;
  readonly until?: number | undefined;
  readonly limit?: number | undefined;
  readonly follow?: boolean | undefined;
  readonly topic?: string | undefined;
};

export type ReplayStep = { readonly seq: number; readonly done: number; readonly skipped: number };

/** Streams of the agent. Rejects as `ControlClient` does. */
export class StreamClient {
  readonly #options: ControlTransport;

  constructor(options: ControlTransport) {
    this.#options = options;
  }

  async list(signal: AbortSignal): Promise<Streams> {
    return this.#options.json(streamsSchema, { url: '/v1/streams', signal });
  }

  /** Rejects with what `remove` would reject with now. */
  async checkRemoval(stream: string, signal: AbortSignal): Promise<void> {
    await this.#options.json(nothingSchema, { url: `${pathOf(stream)}/removal`, signal });
  }

  /** Resolves with how many messages went, once that is on disk. */
  async remove(stream: string, signal: AbortSignal): Promise<number> {
    const request = { method: 'DELETE', url: pathOf(stream), signal } as const;
    return (await this.#options.json(removedSchema, request)).removed;
  }

  /** The number of the first record that is not before `since` (RFC 3339). */
  async position(stream: string, since: string, signal: AbortSignal): Promise<number> {
    const url = `${pathOf(stream)}/position?${new URLSearchParams({ since }).toString()}`;
    return (await this.#options.json(positionSchema, { url, signal })).seq;
  }

  /** In order, as fast as they are taken. Ends when `signal` aborts. */
  async *records(stream: string, query: RecordsQuery, signal: AbortSignal): AsyncGenerator<RecordLine> {
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    );
    const url = `${pathOf(stream)}/records?${new URLSearchParams(given).toString()}`;
    yield* this.#options.lines(recordLineSchema, { url, signal });
  }

  /** Everything up to `seq` is done with; resolves with where the cursor is, on disk. */
  async advance(stream: string, consumer: string, seq: number, signal?: AbortSignal): Promise<number> {
    return this.#place(stream, consumer, { seq }, signal);
  }

  /** Goes on behind `seq`. */
  async seek(stream: string, consumer: string, seq: number, signal: AbortSignal): Promise<number> {
    return this.#place(stream, consumer, { seek: seq }, signal);
  }

  /** Gives records again; rejects with the agent's problem when it cannot go on. Ends it when `signal` aborts. */
  async *replay(stream: string, request: ReplayRequest, signal: AbortSignal): AsyncGenerator<ReplayStep> {
    const asked = { ...posted(`${pathOf(stream)}/replays`, request), signal };
    for await (const step of this.#options.lines(replayLineSchema, asked)) {
      if (!('problem' in step)) {
        yield step;
        continue;
      }
      const { code, message, hint } = step.problem;
      throw new AgentError('refused', message, { ...(hint !== undefined && { hint }), cause: { code } });
    }
  }

  async #place(
    stream: string,
    consumer: string,
    body: { readonly seq: number } | { readonly seek: number },
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const request = posted(`${pathOf(stream)}/consumers/${encodeURIComponent(consumer)}`, body);
    const whole = signal ? { ...request, signal } : request;
    return (await this.#options.json(positionSchema, whole)).seq;
  }
}

function posted(url: string, body: object): HttpsRequest {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', url, headers, body: JSON.stringify(body) };
}

function pathOf(stream: string): string {
  return `/v1/streams/${encodeURIComponent(stream)}`;
}
