import type { Command, CommandStatus } from '../cloud-sync/protocol/messages.ts';
import { isCodedError } from '../lib/coded-error.ts';
import type { Logger } from '../lib/logger.ts';

export type CommandsOptions = {
  readonly invoke: (name: string, payload: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly sendStatus: (id: string, status: CommandStatus) => Promise<void>;
  readonly logger: Logger;
};

/** Ids remembered, so that a command delivered twice runs once. */
const rememberedMax = 1000;
/** Their results together; the oldest are forgotten first. */
const rememberedMaxBytes = 8 * 2 ** 20;
const concurrentMax = 16;

/** Runs the cloud's commands: idempotent by id, each ending in one final status. */
export class Commands {
  readonly #options: CommandsOptions;
  readonly #known = new Map<string, { readonly status: CommandStatus; readonly bytes: number }>();
  #knownBytes = 0;
  #running = 0;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  async receive(id: string, command: Command, signal: AbortSignal): Promise<void> {
    const known = this.#known.get(id);
    if (known) return this.#send(id, known.status);
    if (this.#running >= concurrentMax) {
      return this.#send(id, {
        status: 'rejected',
        error: { code: 'overloaded', message: `${concurrentMax} commands are running already` },
      });
    }
    this.#running += 1;
    try {
      await this.#send(id, this.#remember(id, { status: 'running' }));
      await this.#send(id, this.#remember(id, await this.#run(command, signal)));
    } finally {
      this.#running -= 1;
    }
  }

  async #run(command: Command, signal: AbortSignal): Promise<CommandStatus> {
    try {
      const result = await this.#options.invoke(command.function, command.payload, signal);
      return { status: 'succeeded', result: result ?? null };
    } catch (error) {
      const code = isCodedError(error) ? error.code : 'internal';
      const message = error instanceof Error ? error.message : String(error);
      return { status: 'failed', error: { code: code.slice(0, 64), message: message.slice(0, 4096) } };
    }
  }

  #remember(id: string, status: CommandStatus): CommandStatus {
    const bytes = JSON.stringify(status).length;
    this.#forget(id);
    this.#known.set(id, { status, bytes });
    this.#knownBytes += bytes;
    for (const oldest of this.#known.keys()) {
      if (oldest === id || (this.#known.size <= rememberedMax && this.#knownBytes <= rememberedMaxBytes))
        break;
      this.#forget(oldest);
    }
    return status;
  }

  #forget(id: string): void {
    this.#knownBytes -= this.#known.get(id)?.bytes ?? 0;
    this.#known.delete(id);
  }

  async #send(id: string, status: CommandStatus): Promise<void> {
    await this.#options.sendStatus(id, status).catch((error: unknown) => {
      this.#options.logger.warn('command.status.unsent', { id, status: status.status, error });
    });
  }
}
