import { SyncError } from '../errors.ts';
import type { RegistryClient } from './registry-client.ts';

/** Tells of a registry that could not give something and that another was asked instead. */
export type SourceProblem = (problem: { readonly host: string; readonly error: SyncError }) => void;

export type RegistrySourcesOptions = {
  /** Mirrors first, the registry of the reference last. */
  readonly clients: readonly RegistryClient[];
  readonly signal: AbortSignal;
  readonly onProblem?: SourceProblem | undefined;
};

/**
 * Registries that have the same image or artifact, asked in their order. One that cannot be reached is asked after the others from then
 * on, so that it costs its time once.
 */
export class RegistrySources {
  readonly #options: RegistrySourcesOptions;
  readonly #unreachable = new Set<RegistryClient>();

  constructor(options: RegistrySourcesOptions) {
    this.#options = options;
  }

  /**
   * What the first that can gives; else the failure of the registry of the reference. An abort, and what goes wrong on this
   * machine's disk, is nobody else's to mend and rejects at once.
   */
  async first<T>(work: (client: RegistryClient) => Promise<T>): Promise<T> {
    const { signal, onProblem, clients } = this.#options;
    const failures = new Map<RegistryClient, SyncError>();
    for (const client of this.#inOrder()) {
      try {
        return await work(client);
      } catch (error) {
        if (signal.aborted || !(error instanceof SyncError) || error.code === 'diskFull') throw error;
        failures.set(client, error);
        if (error.transient) this.#unreachable.add(client);
        if (client !== clients.at(-1)) onProblem?.({ host: client.host, error });
      }
    }
    throw [...failures.entries()].find(([client]) => client === clients.at(-1))?.[1] ?? noRegistry();
  }

  #inOrder(): RegistryClient[] {
    const { clients } = this.#options;
    const away = clients.filter((client) => this.#unreachable.has(client));
    return [...clients.filter((client) => !away.includes(client)), ...away];
  }
}

function noRegistry(): TypeError {
  return new TypeError('Something is pulled from at least one registry');
}
