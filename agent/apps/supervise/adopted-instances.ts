import type { Logger } from '../../../lib/logger.ts';
import type { Instance } from '../ports.ts';
import { allOf } from './all-of.ts';
import type { WantedApp } from './wanted-apps.ts';

/** Of an app that no manifest names any more. */
const strangerGraceMs = 10_000;

/** What an earlier agent started, until it is known what is wanted of it. */
export class AdoptedInstances {
  readonly #logger: Logger;
  #instances: readonly Instance[];

  constructor(instances: readonly Instance[], logger: Logger) {
    this.#instances = instances;
    this.#logger = logger;
  }

  /** Stops those that are not wanted as they run. Resolves to their apps. */
  async endOthers(wanted: ReadonlyMap<string, WantedApp>): Promise<string[]> {
    const others = this.#instances.filter(({ app, specDigest }) => wanted.get(app)?.digest !== specDigest);
    this.#instances = this.#instances.filter((instance) => !others.includes(instance));
    await allOf(others.map((instance) => this.#end(instance, wanted.get(instance.app))));
    return others.map(({ app }) => app);
  }

  /** The one of this app, when it is to go on; else what there is of it is stopped. */
  async take(wanted: WantedApp, isToGoOn: () => Promise<boolean>): Promise<Instance | undefined> {
    const own = this.#instances.filter(({ app }) => app === wanted.name);
    this.#instances = this.#instances.filter(({ app }) => app !== wanted.name);
    const [first, ...others] = own;
    const kept = first && (await isToGoOn()) ? first : undefined;
    await allOf((kept ? others : own).map((instance) => this.#end(instance, wanted)));
    return kept;
  }

  async #end(instance: Instance, wanted: WantedApp | undefined): Promise<void> {
    const { app, id } = instance;
    this.#logger.info('app.adopted.stopping', { app, instance: id });
    const graceMs = wanted?.run.stop.grace ?? strangerGraceMs;
    await instance.stop({ signal: wanted?.stopSignal ?? 'SIGTERM', graceMs });
  }
}
