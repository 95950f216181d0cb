import { SyncError } from '../errors.ts';
import type { RegistryClient } from './registry-client.ts';

/** Tells of a registry that could not give something, and of which another, or another way of it, was asked instead. */
export type SourceProblem = (problem: { readonly host: string; readonly error: SyncError }) => void;

export type RegistrySourcesOptions = {
  /** Mirrors first, the registry of the reference last. */
  readonly clients: readonly RegistryClient[];
  readonly signal: AbortSignal;
  readonly onProblem?: SourceProblem | undefined;
};

/**
 * Registries that have the same image or artifact, asked in their order. One that fails is asked after the others from then on, so
 * that it costs its time once; one that merely lacks something is not.
 */
export class RegistrySources {
  readonly #options: RegistrySourcesOptions;
  readonly #failed = new Set<RegistryClient>();
  readonly #told = new Set<string>();

  constructor(options: RegistrySourcesOptions) {
    this.#options = options;
  }

  /**
   * What the first that can gives; else the failure of the registry of the reference. An abort, and what goes wrong on this
   * machine's disk, is nobody else's to mend and rejects at once.
   */
  async first<T>(work: (client: RegistryClient) => Promise<T>): Promise<T> {
    const origin = this.#options.clients.at(-1);
    let failure: unknown = new TypeError('Something is pulled from at least one registry');
    for (const client of this.#inOrder()) {
      try {
        return await work(client);
      } catch (error) {
        const isItsOwn = error instanceof SyncError && error.code !== 'diskFull';
        if (this.#options.signal.aborted || !isItsOwn) throw error;
        if (error.code !== 'notFound') this.#failed.add(client);
        if (client === origin) failure = error;
        else this.tell(error, client);
      }
    }
    throw failure;
  }

  /** Reports a failure that another way makes good, once of each kind. */
  tell(error: SyncError, client = this.#options.clients.at(-1)): void {
    const host = client?.host ?? '';
    const kind = `${host} ${error.code}`;
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#options.onProblem?.({ host, error });
  }

  #inOrder(): RegistryClient[] {
    const { clients } = this.#options;
    const behind = clients.filter((client) => this.#failed.has(client));
    return [...clients.filter((client) => !behind.includes(client)), ...behind];
  }
}
