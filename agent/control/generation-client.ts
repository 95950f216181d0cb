import type { z } from 'zod';
import type { ControlTransport } from './control-transport.ts';
import {
  activatedGenerationSchema,
  listedGenerationsSchema,
  pinnedSchema,
  type ListedGeneration,
} from './generation-protocol.ts';

/** The part of the control client that is about generations. Rejects as that does. */
export class GenerationClient {
  readonly #transport: Pick<ControlTransport, 'json'>;

  constructor(transport: Pick<ControlTransport, 'json'>) {
    this.#transport = transport;
  }

  /** The newest first. */
  async list(signal: AbortSignal): Promise<ListedGeneration[]> {
    const request = { url: '/v1/generations', signal };
    return (await this.#transport.json(listedGenerationsSchema, request)).generations;
  }

  /** The newest goes live now. */
  activate(
    generation: number | undefined,
    signal: AbortSignal,
  ): Promise<z.output<typeof activatedGenerationSchema>> {
    return this.#post(activatedGenerationSchema, { to: 'activate', body: { generation }, signal });
  }

  /** Resolves with all that are pinned then. */
  async pin(generation: number, signal: AbortSignal): Promise<number[]> {
    return (await this.#post(pinnedSchema, { to: 'pin', body: { generation }, signal })).pinned;
  }

  async unpin(generation: number, signal: AbortSignal): Promise<number[]> {
    return (await this.#post(pinnedSchema, { to: 'unpin', body: { generation }, signal })).pinned;
  }

  #post<Schema extends z.ZodType>(
    schema: Schema,
    { to, body, signal }: { readonly to: string; readonly body: object; readonly signal: AbortSignal },
  ): Promise<z.output<Schema>> {
    return this.#transport.json(schema, {
      method: 'POST',
      url: `/v1/generations/${to}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
  }
}
