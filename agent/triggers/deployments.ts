import type { FunctionSpec } from '../../manifests/function.ts';
import { AgentError } from '../errors.ts';
import type { BundleIdentity, FunctionRuntimePort } from './ports.ts';

/** What the runtime has of the functions, so that only what changed is loaded again. */
export class Deployments<Bundle extends BundleIdentity> {
  readonly #runtime: FunctionRuntimePort<Bundle>;
  readonly #deployed = new Map<string, string>();

  constructor(runtime: FunctionRuntimePort<Bundle>) {
    this.#runtime = runtime;
  }

  /** Loads what is new or changed. Rejects at the first that cannot be loaded; a call with the former functions undoes it. */
  async deploy(
    functions: Readonly<Record<string, FunctionSpec>>,
    bundles: ReadonlyMap<string, Bundle>,
  ): Promise<void> {
    for (const [name, spec] of Object.entries(functions)) {
      const bundle = bundles.get(name);
      if (!bundle)
        throw new AgentError(
          'notConfigured',
          `Cannot run function ${name}: its bundle ${spec.bundle} is not here`,
        );
      const key = JSON.stringify([bundle.digest, spec]);
      if (this.#deployed.get(name) === key) continue;
      this.#deployed.delete(name);
      await this.#runtime.deploy({ name, bundle, spec });
      this.#deployed.set(name, key);
    }
  }

  async removeAbsent(functions: Readonly<Record<string, FunctionSpec>>): Promise<void> {
    for (const name of this.#deployed.keys()) {
      if (Object.hasOwn(functions, name)) continue;
      this.#deployed.delete(name);
      await this.#runtime.remove(name);
    }
  }
}
