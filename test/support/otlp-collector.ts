import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { listenAt } from '../../lib/remembered-port.ts';

/** The JSON encoding of OTLP 1.x, strictly: camelCase, 64-bit integers as decimal strings, enums as numbers. */
const uint64 = z.string().regex(/^(0|[1-9][0-9]{0,19})$/);
const anyValue = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.string().regex(/^-?(0|[1-9][0-9]{0,18})$/) }),
  z.strictObject({ doubleValue: z.number() }),
]);
const attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: anyValue }))
  .refine((list) => new Set(list.map(({ key }) => key)).size === list.length, 'unique keys');
const resource = z.strictObject({ attributes });
const scope = z.strictObject({ name: z.string(), version: z.string().optional() });

const logsSchema = z.strictObject({
  resourceLogs: z.array(
    z.strictObject({
      resource,
      scopeLogs: z.array(
        z.strictObject({
          scope,
          logRecords: z.array(
            z.strictObject({
              timeUnixNano: uint64,
              observedTimeUnixNano: uint64,
              severityNumber: z.int().min(1).max(24),
              severityText: z.string(),
              body: anyValue,
              attributes,
              eventName: z.string().min(1).optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});

const times = { startTimeUnixNano: uint64, timeUnixNano: uint64 };
const numberPoints = z.array(z.strictObject({ attributes, ...times, asDouble: z.number() })).min(1);
const histogramPoint = z
  .strictObject({
    ...{ attributes, ...times, count: uint64, sum: z.number() },
    bucketCounts: z.array(uint64),
    explicitBounds: z.array(z.number()),
  })
  .refine(({ bucketCounts, explicitBounds }) => bucketCounts.length === explicitBounds.length + 1, 'buckets')
  .refine(
    ({ bucketCounts, count }) => bucketCounts.reduce((sum, n) => sum + BigInt(n), 0n) === BigInt(count),
    'the buckets add up to the count',
  );
const metricSchema = z.union([
  z.strictObject({
    ...{ name: z.string().min(1), unit: z.string() },
    sum: z.strictObject({
      dataPoints: numberPoints,
      aggregationTemporality: z.literal(2),
      isMonotonic: z.literal(true),
    }),
  }),
  z.strictObject({
    ...{ name: z.string().min(1), unit: z.string() },
    gauge: z.strictObject({ dataPoints: numberPoints }),
  }),
  z.strictObject({
    ...{ name: z.string().min(1), unit: z.string() },
    histogram: z.strictObject({
      dataPoints: z.array(histogramPoint).min(1),
      aggregationTemporality: z.literal(2),
    }),
  }),
]);
const metricsSchema = z.strictObject({
  resourceMetrics: z.array(
    z.strictObject({
      resource,
      scopeMetrics: z.array(z.strictObject({ scope, metrics: z.array(metricSchema) })),
    }),
  ),
});

export type CollectedLogs = z.output<typeof logsSchema>;
export type CollectedMetrics = z.output<typeof metricsSchema>;
export type Refusal = { readonly status: number; readonly retryAfter?: string; readonly body?: string };

/** A collector that takes nothing that is not OTLP/HTTP to the letter; `problems` says what was not. */
export class OtlpCollector implements AsyncDisposable {
  readonly logs: CollectedLogs[] = [];
  readonly metrics: CollectedMetrics[] = [];
  readonly problems: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  /** Answers to give before anything is taken, first to last. */
  readonly refusals: Refusal[] = [];
  requests = 0;
  port = 0;
  readonly #server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      this.requests += 1;
      this.headers.push(request.headers);
      const { status, retryAfter, body = '{}' } = this.refusals.shift() ?? this.#take(request, pieces);
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
      });
      response.end(body);
    });
  });

  static async open(port = 0): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    collector.port = await listenAt(collector.#server, { host: '127.0.0.1', port });
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Bodies of the log records that were taken, in order. */
  get bodies(): unknown[] {
    return this.logs
      .flatMap(({ resourceLogs }) => resourceLogs)
      .flatMap(({ scopeLogs }) => scopeLogs)
      .flatMap(({ logRecords }) => logRecords)
      .map(({ body }) => Object.values(body)[0] as unknown);
  }

  #take({ url, method, headers }: IncomingMessage, pieces: Buffer[]): Refusal {
    const wrong = (what: string): Refusal => {
      this.problems.push(what);
      return { status: 400, body: JSON.stringify({ code: 3, message: what }) };
    };
    if (method !== 'POST') return wrong(`method ${String(method)}`);
    if (headers['content-type'] !== 'application/json')
      return wrong(`type ${String(headers['content-type'])}`);
    if (headers['content-encoding'] !== 'gzip') return wrong('not gzipped');
    const body: unknown = JSON.parse(gunzipSync(Buffer.concat(pieces)).toString('utf8'));
    const schema = url === '/v1/logs' ? logsSchema : url === '/v1/metrics' ? metricsSchema : undefined;
    if (!schema) return wrong(`path ${String(url)}`);
    const read = schema.safeParse(body);
    if (!read.success) return wrong(z.prettifyError(read.error));
    if ('resourceLogs' in read.data) this.logs.push(read.data);
    else this.metrics.push(read.data);
    return { status: 200 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#server.close(() => resolve(undefined));
    this.#server.closeAllConnections();
    await promise;
  }
}
