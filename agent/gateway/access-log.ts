import type { Logger } from '../../lib/logger.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import type { AgentMeter } from '../observability/metrics.ts';
import { limits } from './limits.ts';

export type AccessEntry = {
  readonly method: string;
  /** As the manifest has it; undefined when none matched. Never the path: it may hold names and tokens. */
  readonly route: string | undefined;
  readonly function: string | undefined;
  /** Whose site it is, in place of a function. */
  readonly app?: string | undefined;
  readonly status: number;
  readonly ms: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly invocation: string;
  /** Of a failure. */
  readonly code?: string | undefined;
  readonly error?: string | undefined;
};

/** One line a request, at most so many: a flood from outside fills no disk. */
export class AccessLog {
  readonly #logger: Logger;
  readonly #meter: AgentMeter | undefined;
  readonly #bucket: TokenBucket;
  #left = 0;

  constructor(logger: Logger, now?: () => number, meter?: AgentMeter) {
    this.#logger = logger;
    this.#meter = meter;
    this.#bucket = new TokenBucket(limits.logLines, now);
  }

  write(entry: AccessEntry): void {
    const { function: name = '', status } = entry;
    const attributes = { function: name, 'http.response.status_code': String(status) };
    this.#meter?.add('holdfast.gateway.requests', attributes);
    if (this.#bucket.take() > 0) {
      this.#left += 1;
      return;
    }
    const fields = { ...entry, ...(this.#left > 0 && { leftOut: this.#left }) };
    this.#left = 0;
    if (entry.status >= 500) this.#logger.warn('gateway.request', fields);
    else this.#logger.info('gateway.request', fields);
  }
}
