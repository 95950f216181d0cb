import { z } from 'zod';
import { locksSchema, type Locks } from './app-protocol.ts';
import type { ControlTransport } from './control-transport.ts';

/** Apps of the agent. Rejects as `ControlClient` does. */
export class AppClient {
  readonly #options: ControlTransport;

  constructor(options: ControlTransport) {
    this.#options = options;
  }

  /** Resolves when it has been started, or its start is held back: the status says by what. */
  start(app: string, signal: AbortSignal): Promise<void> {
    return this.#post(app, 'start', {}, signal);
  }

  /** Resolves when nothing of it is left. */
  stop(app: string, signal: AbortSignal): Promise<void> {
    return this.#post(app, 'stop', {}, signal);
  }

  restart(app: string, signal: AbortSignal): Promise<void> {
    return this.#post(app, 'restart', {}, signal);
  }

  /** Holds updates of the device back for so long. */
  lock(
    app: string,
    request: { readonly reason?: string | undefined; readonly ttlMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    return this.#post(app, 'lock', request, signal);
  }

  unlock(app: string, signal: AbortSignal): Promise<void> {
    return this.#post(app, 'unlock', {}, signal);
  }

  /** By call, and by a file of the app. */
  async locks(signal: AbortSignal): Promise<Locks['locks']> {
    return (await this.#options.json(locksSchema, { url: '/v1/apps/locks', signal })).locks;
  }

  async #post(app: string, action: string, body: object, signal: AbortSignal): Promise<void> {
    await this.#options.json(z.object({}), {
      method: 'POST',
      url: `/v1/apps/${encodeURIComponent(app)}/${action}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
  }
}
