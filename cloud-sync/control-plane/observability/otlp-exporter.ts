import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../../lib/error-code.ts';
import { createHttpsClient } from '../../../lib/https-client.ts';
import type { Logger } from '../../../lib/logger.ts';
import { backoffMs } from '../../../lib/retry.ts';
import type { MessagePage } from '../../protocol/api.ts';
import type { CloudMeter } from './metrics.ts';
import { postOtlp, type OtlpSignal, type OtlpTarget } from './otlp-client.ts';
import type { OtlpCursor } from './otlp-cursor.ts';
import { itemsOf } from './otlp-items.ts';
import { logsRequest } from './otlp-logs.ts';
import { metricsRequest, pointCount } from './otlp-metrics.ts';

export type OtlpExporterOptions = {
  readonly target: OtlpTarget;
  readonly cursor: OtlpCursor;
  /** The messages of the streams `observability` of all devices behind `after`, in order of arrival, a page of bounded size. */
  readonly read: (after: number) => Promise<Pick<MessagePage, 'messages' | 'next' | 'position'>>;
  readonly tenantOf: (device: string) => Promise<string>;
  readonly meter: CloudMeter;
  readonly logger: Logger;
  /** How often to look for more when there was nothing. Default 5 s. */
  readonly pollMs?: number;
  readonly retryDelays?: { readonly minDelayMs: number; readonly maxDelayMs: number };
};

const defaults = { pollMs: 5000, retryDelays: { minDelayMs: 1000, maxDelayMs: 60_000 } };

/**
 * Carries logs and metrics of the devices from what is stored to a collector, at least once and in order: the cursor
 * moves after the collector took a page, and a page is held until then, so memory is that of one page.
 */
export class OtlpExporter implements AsyncDisposable {
  readonly #options: Required<OtlpExporterOptions>;
  readonly #http = createHttpsClient();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #position: number;

  constructor(options: OtlpExporterOptions) {
    this.#options = { ...defaults, ...options };
    this.#position = options.cursor.position;
    options.meter.observe((report) => report('holdfast.cloud.otlp.position', options.cursor.position, {}));
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends what is under way: a page that was not taken comes again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The export is stopping'));
    await this.#running;
    await this.#http[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const { logger, pollMs, retryDelays } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !this.#isStopping();) {
      try {
        const more = await this.#exportPage();
        failures = 0;
        if (!more) await sleep(pollMs, undefined, { signal });
      } catch (error) {
        if (this.#isStopping()) return;
        failures += 1;
        const delayMs = backoffMs(failures, retryDelays);
        logger.error('otlp.export.failed', { error: errorMessage(error), retryMs: delayMs });
        await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Asked after a wait. */
  #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Whether there is more to export now. */
  async #exportPage(): Promise<boolean> {
    const { read, cursor, tenantOf, meter } = this.#options;
    const page = await read(this.#position);
    if (page.messages.length > 0) {
      const { logs, metrics, unreadable } = await itemsOf(page.messages, tenantOf);
      if (unreadable > 0) meter.add('holdfast.cloud.otlp.rejected', { signal: 'none' }, unreadable);
      await this.#send('logs', logs.length, () => logsRequest(logs));
      await this.#send('metrics', pointCount(metrics), () => metricsRequest(metrics));
      await cursor.moveTo(page.position);
    }
    this.#position = page.position;
    return page.next !== null;
  }

  /** Resolves when the collector took the items, or refused them for good. */
  async #send(name: OtlpSignal, count: number, make: () => object): Promise<void> {
    if (count === 0) return;
    const { target, meter, logger, retryDelays } = this.#options;
    const { signal } = this.#stop;
    const body = make();
    for (let attempt = 1; ; attempt++) {
      const answer = await postOtlp(this.#http, target, { signal, name, body });
      if (answer.kind === 'taken') {
        meter.add('holdfast.cloud.otlp.exported', { signal: name }, count - answer.rejected);
        if (answer.rejected === 0) return;
        meter.add('holdfast.cloud.otlp.rejected', { signal: name }, answer.rejected);
        logger.warn('otlp.rejected', { signal: name, count: answer.rejected, error: answer.message });
        return;
      }
      if (answer.kind === 'refused') {
        meter.add('holdfast.cloud.otlp.rejected', { signal: name }, count);
        logger.error('otlp.refused', { signal: name, count, error: answer.message });
        return;
      }
      meter.add('holdfast.cloud.otlp.failures', { signal: name, 'error.type': answer.error });
      // A collector that asks for no pause gets one: it would be asked again and again.
      const delayMs =
        answer.afterMs === undefined
          ? backoffMs(Math.min(attempt, 20), retryDelays)
          : Math.max(answer.afterMs, retryDelays.minDelayMs);
      if (attempt === 1 || attempt % 10 === 0)
        logger.warn('otlp.send.failed', { signal: name, attempt, error: answer.message, retryMs: delayMs });
      await sleep(delayMs, undefined, { signal });
    }
  }
}
