import type { FunctionSpec } from '../../manifests/function.ts';
import { AgentError } from '../errors.ts';
import type { BundleIdentity, FunctionRuntimePort } from './ports.ts';

type Definition<Bundle extends BundleIdentity> = Parameters<FunctionRuntimePort<Bundle>['deploy']>[0];

/** What the runtime has of the functions, so that only what changed is loaded again. */
export class Deployments<Bundle extends BundleIdentity> {
  readonly #runtime: FunctionRuntimePort<Bundle>;
  readonly #deployed = new Map<string, { readonly key: string; readonly definition: Definition<Bundle> }>();

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
      if (this.#deployed.get(name)?.key === key) continue;
      const definition = { name, bundle, spec };
      this.#deployed.delete(name);
      await this.#runtime.deploy(definition);
      this.#deployed.set(name, { key, definition });
    }
  }

  /** What the runtime has now. */
  deployed(): Definition<Bundle>[] {
    return [...this.#deployed.values()].map(({ definition }) => definition);
  }

  /**
   * Loads a function anew with what it is given at that moment, such as its secrets; what runs ends in the old version.
   * Rejects as the runtime does; the old version then stays.
   */
  async reload(name: string): Promise<void> {
    const deployed = this.#deployed.get(name);
    if (deployed) await this.#runtime.deploy(deployed.definition);
  }

  async removeAbsent(functions: Readonly<Record<string, FunctionSpec>>): Promise<void> {
    for (const name of this.#deployed.keys()) {
      if (Object.hasOwn(functions, name)) continue;
      this.#deployed.delete(name);
      await this.#runtime.remove(name);
    }
  }
}
