import type { Logger } from '../../lib/logger.ts';
import { FunctionError } from '../function-error.ts';
import { afterCrash, narrowSuspects, pauseLeftMs } from './crash-policy.ts';
import type { Deployment } from './deployment.ts';

export type HostDeath = {
  /** When it is known who did it; else everybody who was inside is a suspect. */
  readonly culprit: Deployment | undefined;
  readonly suspects: readonly Deployment[];
  readonly why: string;
};

type Options = { readonly logger: Logger; /** Milliseconds since 1970. */ readonly now: () => number };

/** Holds functions to account for host processes that died around them. [G6] */
export class CrashWatch {
  readonly #options: Options;
  /** Of the deaths of shared hosts since one was explained. */
  #suspects: readonly Deployment[] = [];

  constructor(options: Options) {
    this.#options = options;
  }

  hostDied({ culprit, suspects, why }: HostDeath): void {
    if (culprit) this.#strike(culprit, why);
    else if (suspects.length > 0) {
      this.#suspects = narrowSuspects(this.#suspects, suspects);
      for (const suspect of this.#suspects) this.#strike(suspect, why);
    }
  }

  /** The error of every event while the function is stopped, or undefined. */
  stopped({ name, crashes }: Deployment): FunctionError | undefined {
    if (pauseLeftMs(crashes, this.#options.now()) === 0) return undefined;
    const until = new Date(crashes.closedUntilMs).toISOString();
    return new FunctionError(
      'crashLoop',
      `Function ${name} is stopped until ${until}: it took its host process down again and again; last: ${crashes.why}`,
      { hint: 'Read its logs, correct it and deploy another bundle; that starts it at once.' },
    );
  }

  #strike(deployment: Deployment, why: string): void {
    const { logger, now } = this.#options;
    const before = deployment.crashes;
    const crashes = (deployment.crashes = afterCrash(before, { nowMs: now(), why }));
    const fields = { function: deployment.name, bundle: deployment.bundle.digest, reason: why };
    if (crashes.placement !== before.placement) {
      // What is left dies of somebody else, if it does.
      this.#suspects = [];
      logger.warn('function.isolated', fields);
    }
    if (crashes.opened > before.opened) logger.error('function.crashLoop', fields);
  }
}
