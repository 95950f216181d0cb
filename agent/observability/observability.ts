import { observabilityStream } from '../../cloud-sync/protocol/observability.ts';
import { silentLogger, type LogEvent, type Logger } from '../../lib/logger.ts';
import type { Metric } from '../../lib/metrics/metric.ts';
import { prometheusText } from '../../lib/metrics/prometheus-text.ts';
import type { StreamSpec } from '../../manifests/data.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { observabilitySchema, type ObservabilitySpec } from '../../manifests/network.ts';
import { countEvent } from './counted-events.ts';
import { EventStream, type EventStore } from './event-stream.ts';
import { MetricsEndpoint } from './metrics-endpoint.ts';
import { createAgentMeter, type AgentMeter } from './metrics.ts';
import { measureProcess } from './process-metrics.ts';

type Observed = {
  readonly observability: ObservabilitySpec;
  readonly functions: Readonly<Record<string, Pick<FunctionSpec, 'on'>>>;
};

/** What the section says when a manifest has none, and before there is a manifest. */
const defaultSpec: ObservabilitySpec = observabilitySchema.parse({});

/** Logs and metrics of the agent: into the stream `observability`, and to whoever scrapes. */
export class Observability implements AsyncDisposable {
  readonly meter: AgentMeter = createAgentMeter();
  readonly #events: EventStream;
  readonly #endpoint: MetricsEndpoint;
  readonly #process: Disposable;
  #spec = defaultSpec;
  #logger: Logger = silentLogger;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.#events = new EventStream({ meter: this.meter });
    this.#endpoint = new MetricsEndpoint({ text: () => this.text(), logger: () => this.#logger });
    this.#process = measureProcess(this.meter);
  }

  /** A sink of the logger. */
  readonly write = (event: LogEvent): void => {
    countEvent(this.meter, event);
    this.#events.write(event);
  };

  /** The streams of a manifest, and this one as the section of its last generation has it. */
  withStream(streams: Readonly<Record<string, StreamSpec>>): Record<string, StreamSpec> {
    const { enabled, ...relay } = this.#spec.relay;
    const own: StreamSpec = { topics: [], keep: this.#spec.keep, consumers: [], ...(enabled && { relay }) };
    return { ...streams, [observabilityStream]: own };
  }

  /** From now on events go to `store`. Disposing it commits what waits, and must come before the store is closed. */
  attach(store: EventStore, logger: Logger): AsyncDisposable {
    this.#logger = logger;
    this.#startTimer();
    return this.#events.attach(store);
  }

  /** Follows a generation. */
  async configure({ observability, functions }: Observed): Promise<void> {
    const { level, metrics, prometheus } = observability;
    const isSlower = metrics !== this.#spec.metrics;
    this.#spec = observability;
    const readers = Object.entries(functions).filter(([, { on }]) =>
      on.some((trigger) => 'stream' in trigger && trigger.stream === observabilityStream),
    );
    this.#events.configure({ level, readers: new Set(readers.map(([name]) => name)) });
    if (isSlower) this.#startTimer();
    await this.#endpoint.configure(prometheus);
  }

  /** Every metric as it is now. */
  snapshot(): Metric[] {
    return this.meter.snapshot();
  }

  /** The same for Prometheus. */
  text(): string {
    return prometheusText(this.snapshot());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#process[Symbol.dispose]();
    await this.#endpoint[Symbol.asyncDispose]();
    await this.#events[Symbol.asyncDispose]();
  }

  #startTimer(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#events.writeMetrics(), this.#spec.metrics).unref();
  }
}
