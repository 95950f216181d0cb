import type { SupervisedApp } from './supervised-app.ts';
import { undeclaredPorts } from './undeclared-ports.ts';

/** What is looked at: an app and its declared ports. */
type Watched = Pick<SupervisedApp, 'wanted' | 'instance'>;

type PortWatchOptions = {
  readonly apps: () => Iterable<readonly [name: string, app: Watched]>;
  readonly onChange: () => void;
  readonly everyMs?: number;
};

const defaultEveryMs = 15_000;

/** Finds ports that apps with the machine's network listen on and do not declare: nothing prevents that, so it is told. */
export class PortWatch implements Disposable {
  readonly #options: PortWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #found = new Map<string, readonly number[]>();
  #isLooking = false;

  constructor(options: PortWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.everyMs ?? defaultEveryMs).unref();
  }

  /** As of the last look. */
  portsOf(name: string): readonly number[] {
    return this.#found.get(name) ?? [];
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const found = new Map<string, readonly number[]>();
    for (const [name, { wanted, instance }] of [...this.#options.apps()]) {
      const pid = instance?.pid ?? null;
      if (pid === null || wanted.launch.network !== 'host') continue;
      const ports = await undeclaredPorts(pid, wanted.run.ports);
      if (ports.length > 0) found.set(name, ports);
    }
    const isSame = JSON.stringify([...found]) === JSON.stringify([...this.#found]);
    this.#found = found;
    this.#isLooking = false;
    if (!isSame) this.#options.onChange();
  }
}
