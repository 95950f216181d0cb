import type { SecretStore } from '../../outside/secret-store.ts';
import type { SecretsFolder } from './secrets-folder.ts';
import type { WantedApp } from './wanted-apps.ts';

type Given = Pick<WantedApp, 'name' | 'run' | 'launch'>;

/** What apps are given of the secrets of this device. */
export class AppSecrets {
  readonly #store: Pick<SecretStore, 'get'>;
  readonly #folder: SecretsFolder;

  constructor(store: Pick<SecretStore, 'get'>, folder: SecretsFolder) {
    this.#store = store;
    this.#folder = folder;
  }

  /** Names of those that the device does not have. */
  async missing({ run }: Given): Promise<string[]> {
    const missing: string[] = [];
    for (const name of run.secrets) if ((await this.#store.get(name)) === undefined) missing.push(name);
    return missing;
  }

  /** Whether its files are what the device has now; a secret that was removed stays with who has it. */
  async isCurrent(app: Given): Promise<boolean> {
    if (app.run.secrets.length === 0) return true;
    const values = await this.#values(app);
    return values.size === app.run.secrets.length && this.#folder.holds(app.name, values);
  }

  /** Writes its files anew; not while it runs. */
  async give(app: Given): Promise<void> {
    if (app.run.secrets.length === 0) return;
    await this.#folder.write(app.name, await this.#values(app), app.launch.user);
  }

  async takeBack(app: string): Promise<void> {
    await this.#folder.remove(app);
  }

  async #values({ run }: Given): Promise<Map<string, string>> {
    const values = new Map<string, string>();
    for (const name of run.secrets) {
      const value = await this.#store.get(name);
      if (value !== undefined) values.set(name, value);
    }
    return values;
  }
}
