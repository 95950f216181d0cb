import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import {
  createHttpsClient,
  type HttpsClient,
  type HttpsRequest,
  type HttpsResponse,
} from '../../lib/https-client.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import { AgentError } from '../errors.ts';
import {
  controlSocketPath,
  invokeResponseSchema,
  logLineSchema,
  planResponseSchema,
  problemSchema,
  statusSchema,
  type LogLine,
  type PlanResponse,
  type Status,
} from './protocol.ts';

const answerMaxBytes = 16 * 2 ** 20;

/** What a face of the agent on the same machine uses. Rejects with AgentError: 'agentNotRunning', or the agent's own code. */
export class ControlClient implements AsyncDisposable {
  readonly #http: HttpsClient;
  readonly #root: string;

  private constructor(http: HttpsClient, root: string) {
    this.#http = http;
    this.#root = root;
  }

  static forRoot(root: string): ControlClient {
    // A followed log may be silent for as long as it likes.
    return new ControlClient(
      createHttpsClient({ socketPath: controlSocketPath(root), idleTimeoutMs: 0 }),
      root,
    );
  }

  async status(signal?: AbortSignal): Promise<Status> {
    return this.#json(statusSchema, { url: '/v1/status', ...(signal && { signal }) });
  }

  async invoke(name: string, payload: unknown, signal?: AbortSignal): Promise<unknown> {
    const { result } = await this.#json(invokeResponseSchema, {
      method: 'POST',
      url: `/v1/functions/${encodeURIComponent(name)}/invocations`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ payload }),
      ...(signal && { signal }),
    });
    return result;
  }

  /** `canonical`: the resolved manifest as RFC 8785 JSON. */
  async plan(canonical: string, signal?: AbortSignal): Promise<PlanResponse> {
    const headers = { 'content-type': 'application/octet-stream' };
    return this.#json(planResponseSchema, {
      method: 'POST',
      url: '/v1/plan',
      headers,
      body: Buffer.from(canonical),
      ...(signal && { signal }),
    });
  }

  /** Oldest first; with `follow` until `signal` aborts. */
  async *logs(
    query: { follow: boolean; function?: string | undefined; lines: number },
    signal: AbortSignal,
  ): AsyncGenerator<LogLine> {
    const search = new URLSearchParams({ follow: String(query.follow), lines: String(query.lines) });
    if (query.function !== undefined) search.set('function', query.function);
    const answer = await this.#request({ url: `/v1/logs?${search.toString()}`, signal });
    try {
      for await (const line of createInterface({ input: Readable.from(answer.body), crlfDelay: Infinity })) {
        yield logLineSchema.parse(JSON.parse(line));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #json<Schema extends z.ZodType>(schema: Schema, request: HttpsRequest): Promise<z.output<Schema>> {
    const answer = await this.#request(request);
    return schema.parse(JSON.parse(Buffer.from(await answer.bytes(answerMaxBytes)).toString('utf8')));
  }

  async #request(request: HttpsRequest): Promise<HttpsResponse> {
    let answer: HttpsResponse;
    try {
      answer = await this.#http.request({ ...request, url: `http://agent${request.url}` });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' && !isTransientNetworkError(cause)) throw cause;
      throw new AgentError('agentNotRunning', `No agent is running on ${this.#root}`, {
        cause,
        hint: `Start it with: holdfast agent up --root ${this.#root}`,
      });
    }
    if (answer.status < 400) return answer;
    const { code, message, hint } = problemSchema.parse(
      JSON.parse(Buffer.from(await answer.bytes(answerMaxBytes)).toString('utf8')),
    );
    throw new AgentError('refused', message, { ...(hint === undefined ? {} : { hint }), cause: { code } });
  }
}
