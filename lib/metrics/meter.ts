import type {
  Attributes,
  AttributesOf,
  HistogramPoint,
  Metric,
  MetricDefinition,
  MetricDefinitions,
  NamesOf,
  NumberPoint,
} from './metric.ts';

export type MeterOptions = {
  readonly started?: Date;
  /** Series of one metric; what goes beyond them is counted in one series together. Default 200. */
  readonly maxSeries?: number;
};

const maxValueLength = 128;
const overflow: Attributes = { 'otel.metric.overflow': 'true' };

/** Tells a value that is known elsewhere, as it is at this moment. */
export type Report<Definitions extends MetricDefinitions> = <
  Name extends NamesOf<Definitions, 'counter' | 'gauge'>,
>(
  name: Name,
  value: number,
  attributes: AttributesOf<Definitions, Name>,
) => void;

type Series = { readonly attributes: Attributes; value: number; count: number; readonly buckets: number[] };

/**
 * Counts, in memory, what the definitions name. Adding costs a look-up and no I/O, and never fails: a value that is not
 * finite is left out.
 *
 *     meter.add('holdfast.mqtt.connections.refused', { reason: 'password' });
 *     meter.record('holdfast.store.commit.duration', 0.0007, {});
 *     meter.observe((report) => report('holdfast.mqtt.clients', broker.clientCount, {}));
 */
export class Meter<const Definitions extends MetricDefinitions> {
  readonly started: Date;
  readonly #definitions: Definitions;
  readonly #maxSeries: number;
  readonly #series = new Map<string, Map<string, Series>>();
  readonly #observers = new Set<(report: Report<Definitions>) => void>();

  constructor(definitions: Definitions, { started = new Date(), maxSeries = 200 }: MeterOptions = {}) {
    this.#definitions = definitions;
    this.started = started;
    this.#maxSeries = maxSeries;
  }

  /** Adds to a counter. */
  add<Name extends NamesOf<Definitions, 'counter'>>(
    name: Name,
    attributes: AttributesOf<Definitions, Name>,
    by = 1,
  ): void {
    if (Number.isFinite(by)) this.#seriesOf(this.#series, name, attributes).value += by;
  }

  /** Sets a gauge, for as long as nothing else is said. */
  set<Name extends NamesOf<Definitions, 'gauge'>>(
    name: Name,
    value: number,
    attributes: AttributesOf<Definitions, Name>,
  ): void {
    if (Number.isFinite(value)) this.#seriesOf(this.#series, name, attributes).value = value;
  }

  /** Puts a value into a histogram. */
  record<Name extends NamesOf<Definitions, 'histogram'>>(
    name: Name,
    value: number,
    attributes: AttributesOf<Definitions, Name>,
  ): void {
    if (!Number.isFinite(value)) return;
    const { bounds = [] }: Partial<MetricDefinition> = this.#definitions[name] ?? {};
    const series = this.#seriesOf(this.#series, name, attributes);
    const place = bounds.findIndex((bound) => value <= bound);
    const bucket = place === -1 ? bounds.length : place;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.count += 1;
    series.value += value;
  }

  /** Asks `observer` at every snapshot for what others count already. It must not throw. Returns how to stop. */
  observe(observer: (report: Report<Definitions>) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Every metric that has a value, in the order of the definitions. */
  snapshot(): Metric[] {
    const observed = new Map<string, Map<string, Series>>();
    const report: Report<Definitions> = (name, value, attributes) => {
      if (!Number.isFinite(value)) return;
      const series = this.#seriesOf(observed, name, attributes);
      series.value = series.attributes === overflow ? series.value + value : value;
    };
    for (const observer of this.#observers) observer(report);
    return Object.entries<MetricDefinition>(this.#definitions).flatMap(([name, definition]) => {
      const series = [this.#series, observed].flatMap((source) => [...(source.get(name)?.values() ?? [])]);
      return series.length === 0 ? [] : [metricOf(name, definition, series)];
    });
  }

  #seriesOf(source: Map<string, Map<string, Series>>, name: string, given: Attributes): Series {
    const { attributes: keys = [], bounds }: Partial<MetricDefinition> = this.#definitions[name] ?? {};
    const all = source.get(name) ?? new Map<string, Series>();
    source.set(name, all);
    const values = keys.map((key) => (given[key] ?? '').slice(0, maxValueLength));
    const key = values.join('\0');
    const known = all.get(key);
    if (known) return known;
    // What follows past the bound is one series: an attribute that somebody outside chooses cannot fill the memory.
    const room = all.size < this.#maxSeries - 1;
    const place = room ? key : '\0overflow';
    const attributes = room
      ? Object.fromEntries(keys.map((key, index) => [key, values[index] ?? '']))
      : overflow;
    const made: Series = all.get(place) ?? {
      ...{ attributes, value: 0, count: 0 },
      buckets: bounds ? new Array<number>(bounds.length + 1).fill(0) : [],
    };
    all.set(place, made);
    return made;
  }
}

function metricOf(name: string, definition: MetricDefinition, series: readonly Series[]): Metric {
  const { kind, unit, description, bounds = [] } = definition;
  if (kind === 'histogram') {
    const points = series.map(({ attributes, count, value, buckets }): HistogramPoint => ({
      ...{ attributes, count, sum: value },
      buckets: [...buckets],
    }));
    return { name, unit, description, kind, bounds, points };
  }
  const points = series.map(({ attributes, value }): NumberPoint => ({ attributes, value }));
  return { name, unit, description, kind, points };
}
