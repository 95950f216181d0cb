/** What can be measured: names, units and kinds as in OpenTelemetry. Units are of UCUM: `s`, `By`, `1`, `{message}`. */
export type MetricDefinition = {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly unit: string;
  readonly description: string;
  /** Keys that tell its series apart; their values come from a bounded set. */
  readonly attributes?: readonly string[];
  /** Of a histogram: upper bounds of its buckets, ascending; one more bucket takes the rest. */
  readonly bounds?: readonly number[];
};

export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>;

export type Attributes = Readonly<Record<string, string>>;

export type NumberPoint = { readonly attributes: Attributes; readonly value: number };

/** `buckets` has one count more than the metric has bounds; counts are of each bucket alone. */
export type HistogramPoint = {
  readonly attributes: Attributes;
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly number[];
};

/** A metric as it was at one moment; counters and histograms count since the start of the process. */
export type Metric = {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
} & (
  | { readonly kind: 'counter' | 'gauge'; readonly points: readonly NumberPoint[] }
  | {
      readonly kind: 'histogram';
      readonly bounds: readonly number[];
      readonly points: readonly HistogramPoint[];
    }
);

/** Names of the definitions that are of a kind. */
export type NamesOf<Definitions extends MetricDefinitions, Kind extends MetricDefinition['kind']> = {
  [Name in keyof Definitions & string]: Definitions[Name]['kind'] extends Kind ? Name : never;
}[keyof Definitions & string];

/** Exactly the attributes that a definition names. */
export type AttributesOf<Definitions extends MetricDefinitions, Name extends keyof Definitions> = Readonly<
  Record<KeysOf<Definitions[Name]>, string>
>;

type KeysOf<Definition extends MetricDefinition> = Definition extends {
  readonly attributes: readonly (infer Key extends string)[];
}
  ? Key
  : never;
