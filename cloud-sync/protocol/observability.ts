import { z } from 'zod';

/**
 * What the stream `observability` of a device carries: JSON, one log event or one snapshot of all metrics a message. Names
 * and units are of OpenTelemetry, so that a collector takes them as they are.
 */
export const observabilityStream = 'observability';

/** Topics of the stream. */
export const observabilityTopics = {
  agentLog: 'log/agent',
  functionLog: (name: string) => `log/functions/${name}`,
  appLog: (name: string) => `log/apps/${name}`,
  metrics: 'metrics',
} as const;

const severities = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
export type Severity = (typeof severities)[number];

/** A log event is cut to this; the JSON of its attributes too. */
export const bodyMaxChars = 8192;
export const maxAttributes = 32;

/** On `log/…`. The body is the name of an event of the agent, or what a function or an app said. */
export const logEventSchema = z.strictObject({
  time: z.iso.datetime(),
  severity: z.enum(severities),
  body: z.string(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type ObservedLog = z.output<typeof logEventSchema>;

const attributesSchema = z.record(z.string(), z.string());
const common = { unit: z.string() };

/** On `metrics`: by name; counters and histograms count since `start`. */
const metricsEventSchema = z.strictObject({
  time: z.iso.datetime(),
  start: z.iso.datetime(),
  metrics: z.record(
    z.string(),
    z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.enum(['counter', 'gauge']),
        ...common,
        points: z.array(z.strictObject({ attributes: attributesSchema, value: z.number() })),
      }),
      z.strictObject({
        kind: z.literal('histogram'),
        ...common,
        bounds: z.array(z.number()),
        points: z.array(
          z.strictObject({
            attributes: attributesSchema,
            count: z.int().min(0),
            sum: z.number(),
            buckets: z.array(z.int().min(0)),
          }),
        ),
      }),
    ]),
  ),
});
export type ObservedMetrics = z.output<typeof metricsEventSchema>;

/** The newest snapshot of a message of the stream; undefined for what is none, from whatever agent it came. */
export function readMetricsEvent(payload: Uint8Array): ObservedMetrics | undefined {
  return metricsEventSchema.safeParse(parseJson(payload)).data;
}

/** Likewise a log event. */
export function readLogEvent(payload: Uint8Array): ObservedLog | undefined {
  return logEventSchema.safeParse(parseJson(payload)).data;
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return undefined;
  }
}
