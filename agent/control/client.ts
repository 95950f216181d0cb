import { z } from 'zod';
import {
  createHttpsClient,
  type HttpsClient,
  type HttpsRequest,
  type HttpsResponse,
} from '../../lib/https-client.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import { textLines } from '../../lib/text-lines.ts';
import { AgentError } from '../errors.ts';
import { AppClient } from './app-client.ts';
import { connectFailure } from './connect-failure.ts';
import type { ControlTransport } from './control-transport.ts';
import { GenerationClient } from './generation-client.ts';
import {
  controlSocketPath,
  deadLettersDoneSchema,
  deadLettersResponseSchema,
  invokeResponseSchema,
  logLineSchema,
  metricsSchema,
  noSuchRoute,
  planResponseSchema,
  problemSchema,
  secretsSchema,
  secretUsersSchema,
  statusSchema,
  type AgentMetrics,
  type DeadLetter,
  type DeadLetters,
  type LogLine,
  type PlanResponse,
  type Secrets,
  type Status,
} from './protocol.ts';
import { StreamClient } from './stream-client.ts';
import { VaultClient } from './vault-client.ts';

type SecretUsers = z.output<typeof secretUsersSchema>;

const answerMaxBytes = 16 * 2 ** 20;
/** Of a line: a message is one, its payload in base64. */
const lineMaxChars = 4 * 2 ** 20;

/** What a face of the agent on the same machine uses. Rejects with AgentError: 'agentNotRunning', 'denied', or the agent's own code. */
export class ControlClient implements AsyncDisposable {
  readonly #http: HttpsClient;
  readonly #root: string;
  readonly streams: StreamClient;
  readonly vault: VaultClient;
  readonly apps: AppClient;
  readonly generations: GenerationClient;

  private constructor(http: HttpsClient, root: string) {
    this.#http = http;
    this.#root = root;
    const exchange: ControlTransport = {
      lines: (schema, request) => this.#lines(schema, request),
      json: (schema, request) => this.#json(schema, request),
    };
    this.streams = new StreamClient(exchange);
    this.vault = new VaultClient(exchange);
    this.apps = new AppClient(exchange);
    this.generations = new GenerationClient(exchange);
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

  async metrics(signal?: AbortSignal): Promise<AgentMetrics> {
    const headers = { accept: 'application/json' };
    return this.#json(metricsSchema, { url: '/v1/metrics', headers, ...(signal && { signal }) });
  }

  async invoke(name: string, payload: unknown, signal?: AbortSignal): Promise<unknown> {
    const { result } = await this.#json(invokeResponseSchema, {
      method: 'POST',
      url: `${functionPath(name)}/invocations`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ payload }),
      ...(signal && { signal }),
    });
    return result;
  }

  async pauseFunction(name: string, reason?: string, signal?: AbortSignal): Promise<void> {
    await this.#post(z.object({}), `${functionPath(name)}/pause`, { reason }, signal);
  }

  async resumeFunction(name: string, signal?: AbortSignal): Promise<void> {
    await this.#post(z.object({}), `${functionPath(name)}/resume`, {}, signal);
  }

  /** Oldest first, a page at a time. */
  async *deadLetters(name: string, signal?: AbortSignal): AsyncGenerator<DeadLetter> {
    for (let after: number | null = 0; after !== null;) {
      const url = `${functionPath(name)}/dead-letters?after=${after}`;
      const page: DeadLetters = await this.#json(deadLettersResponseSchema, {
        url,
        ...(signal && { signal }),
      });
      yield* page.deadLetters;
      after = page.next;
    }
  }

  /** Those with these ids, or all. */
  async redeliver(name: string, ids: readonly number[] | undefined, signal?: AbortSignal) {
    const path = `${functionPath(name)}/dead-letters/redeliver`;
    return this.#post(deadLettersDoneSchema, path, { ids }, signal);
  }

  async discard(name: string, ids: readonly number[] | undefined, signal?: AbortSignal) {
    const path = `${functionPath(name)}/dead-letters/discard`;
    return this.#post(deadLettersDoneSchema, path, { ids }, signal);
  }

  /** Names, never values. */
  async secrets(signal?: AbortSignal): Promise<Secrets> {
    return this.#json(secretsSchema, { url: '/v1/secrets', ...(signal && { signal }) });
  }

  /** Resolves when the value is on disk. */
  async setSecret(name: string, value: string, signal?: AbortSignal): Promise<SecretUsers> {
    return this.#json(secretUsersSchema, {
      method: 'PUT',
      url: `/v1/secrets/${encodeURIComponent(name)}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ value }),
      ...(signal && { signal }),
    });
  }

  async removeSecret(name: string, signal?: AbortSignal): Promise<SecretUsers> {
    return this.#json(secretUsersSchema, {
      method: 'DELETE',
      url: `/v1/secrets/${encodeURIComponent(name)}`,
      ...(signal && { signal }),
    });
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
    query: { follow: boolean; function?: string | undefined; app?: string | undefined; lines: number },
    signal: AbortSignal,
  ): AsyncGenerator<LogLine> {
    const search = new URLSearchParams({ follow: String(query.follow), lines: String(query.lines) });
    if (query.function !== undefined) search.set('function', query.function);
    if (query.app !== undefined) search.set('app', query.app);
    const lines = this.#lines(logLineSchema, { url: `/v1/logs?${search.toString()}`, signal });
    yield* lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #post<Schema extends z.ZodType>(
    schema: Schema,
    url: string,
    body: object,
    signal: AbortSignal | undefined,
  ): Promise<z.output<Schema>> {
    const headers = { 'content-type': 'application/json' };
    const request = { method: 'POST', url, headers, body: JSON.stringify(body) } as const;
    return this.#json(schema, signal ? { ...request, signal } : request);
  }

  async #json<Schema extends z.ZodType>(schema: Schema, request: HttpsRequest): Promise<z.output<Schema>> {
    const answer = await this.#request(request);
    return this.#understood(schema, Buffer.from(await answer.bytes(answerMaxBytes)).toString('utf8'));
  }

  /** Lines of an answer as they come. Ends when the request's signal aborts. */
  async *#lines<Schema extends z.ZodType>(
    schema: Schema,
    request: HttpsRequest,
  ): AsyncGenerator<z.output<Schema>> {
    const { signal } = request;
    try {
      const { body } = await this.#request(request);
      for await (const line of textLines(body, { maxChars: lineMaxChars }))
        yield this.#understood(schema, line);
    } catch (cause) {
      if (signal?.aborted) return;
      if (!isTransientNetworkError(cause)) throw cause;
      throw new AgentError(
        'agentNotRunning',
        `The agent on ${this.#root} went away in the middle of its answer`,
        {
          cause,
          hint: `See whether it runs: holdfast status --root ${this.#root}`,
        },
      );
    }
  }

  async #request(request: HttpsRequest): Promise<HttpsResponse> {
    const answer = await this.#http
      .request({ ...request, url: `http://agent${request.url}` })
      .catch((cause: unknown) => {
        throw connectFailure(cause, this.#root);
      });
    if (answer.status < 400) return answer;
    const { code, message, hint } = problemSchema.parse(
      JSON.parse(Buffer.from(await answer.bytes(answerMaxBytes)).toString('utf8')),
    );
    if (answer.status === noSuchRoute.status && code === noSuchRoute.code)
      throw otherVersion(this.#root, message);
    throw new AgentError('refused', message, { ...(hint === undefined ? {} : { hint }), cause: { code } });
  }

  #understood<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
    const { success, data, error } = schema.safeParse(JSON.parse(text));
    if (success) return data;
    const places = error.issues.map(({ path }) => path.join('.')).slice(0, placesTold);
    throw otherVersion(this.#root, `Its answer lacks, or has otherwise: ${places.join(', ')}`, error);
  }
}

const placesTold = 3;

/** The agent outlives an installation: a command beside it may be newer, or older, than what it runs. */
function otherVersion(root: string, why: string, cause?: unknown): AgentError {
  return new AgentError(
    'unsupported',
    `The agent on ${root} is of another version than this command. ${why}`,
    {
      cause,
      hint: 'Restart the agent: until then it runs what was installed before. With an older command beside a newer agent, use the one that was installed with it.',
    },
  );
}

function functionPath(name: string): string {
  return `/v1/functions/${encodeURIComponent(name)}`;
}
