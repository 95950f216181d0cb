import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { OtlpCursor } from '../../cloud-sync/control-plane/observability/otlp-cursor.ts';
import { OtlpExporter } from '../../cloud-sync/control-plane/observability/otlp-exporter.ts';
import { createCloudMeter, type CloudMeter } from '../../cloud-sync/control-plane/observability/metrics.ts';
import type { StoredMessage } from '../../cloud-sync/protocol/api.ts';
import { silentLogger } from '../../lib/logger.ts';
import { eventually, temporaryFolder } from '../support/data-plane.ts';
import { OtlpCollector } from '../support/otlp-collector.ts';

jest.setTimeout(60_000);

const time = '2026-01-31T12:00:00.000Z';

/** Messages of a device as the database has them. */
class Stored {
  readonly messages: StoredMessage[] = [];
  pageSize = 100;
  reads = 0;

  add(topic: string, event: object, device = 'greenhouse-7'): void {
    const payload = Buffer.from(JSON.stringify(event)).toString('base64');
    this.#push({ device, topic, payload, contentType: 'application/json', gap: null });
  }

  log(body: string, device?: string, topic = 'log/agent'): void {
    this.add(topic, { time, severity: 'INFO', body, attributes: { 'holdfast.generation': 3 } }, device);
  }

  gap(count: number): void {
    const gap = { count, reason: 'ttl' };
    this.#push({ device: 'greenhouse-7', topic: null, payload: null, contentType: null, gap });
  }

  read(after: number): { messages: StoredMessage[]; next: number | null; position: number } {
    this.reads += 1;
    const found = this.messages.filter(({ id }) => id > after);
    const messages = found.slice(0, this.pageSize);
    const position = messages.at(-1)?.id ?? after;
    return { messages, position, next: found.length > messages.length ? position : null };
  }

  #push(rest: Pick<StoredMessage, 'device' | 'topic' | 'payload' | 'contentType' | 'gap'>): void {
    const id = this.messages.length + 1;
    this.messages.push({ id, epoch: 'e1', stream: 'observability', seq: id, time, received: time, ...rest });
  }
}

type Export = AsyncDisposable & { readonly meter: CloudMeter; readonly cursor: OtlpCursor };

async function startExport(
  folder: string,
  stored: Stored,
  target: { readonly url: string; readonly headers?: Record<string, string> },
): Promise<Export> {
  const meter = createCloudMeter();
  const cursor = await OtlpCursor.open(join(folder, 'otlp.json'), silentLogger);
  const exporter = new OtlpExporter({
    ...{ target, cursor, meter, logger: silentLogger, pollMs: 20 },
    retryDelays: { minDelayMs: 5, maxDelayMs: 20 },
    read: (after) => Promise.resolve(stored.read(after)),
    tenantOf: () => Promise.resolve('default'),
  });
  exporter.start();
  return { meter, cursor, [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose]() };
}

function valueOf(meter: CloudMeter, name: string, attributes: object): number {
  const metric = meter.snapshot().find((metric) => metric.name === name);
  if (!metric || metric.kind === 'histogram') return 0;
  const wanted = JSON.stringify(attributes);
  return metric.points.find((point) => JSON.stringify(point.attributes) === wanted)?.value ?? 0;
}

test('logs and metrics come to a strict collector with who they are of, what was lost too', async () => {
  await using folder = await temporaryFolder();
  await using collector = await OtlpCollector.open();
  const stored = new Stored();
  stored.log('agent.ready');
  stored.log('sold out', 'kiosk-1', 'log/functions/shop');
  stored.gap(12);
  const points = [{ attributes: { stream: 'weather', reader: 'cloud' }, value: 7 }];
  const histogram = { kind: 'histogram', unit: 's', bounds: [0.1, 1] };
  for (const at of [time, '2026-01-31T12:01:00.000Z'])
    stored.add('metrics', {
      ...{ time: at, start: '2026-01-31T11:00:00.000Z' },
      metrics: {
        'holdfast.stream.backlog': { kind: 'gauge', unit: '{message}', points },
        'holdfast.relay.batches': {
          kind: 'counter',
          unit: '{batch}',
          points: [{ attributes: {}, value: 4 }],
        },
        'holdfast.store.commit.duration': {
          ...histogram,
          points: [{ attributes: {}, count: 6, sum: 2.5, buckets: [1, 2, 3] }],
        },
      },
    });
  stored.add('metrics', { not: 'metrics' });
  await using exported = await startExport(folder.path, stored, {
    url: `${collector.url}/`,
    headers: { authorization: 'Bearer t0ken' },
  });
  await eventually(() => exported.cursor.position === stored.messages.length);
  expect(collector.problems).toEqual([]);
  expect(collector.headers[0]?.authorization).toBe('Bearer t0ken');
  const [logs] = collector.logs;
  expect(logs?.resourceLogs).toMatchObject([
    {
      resource: {
        attributes: [
          { key: 'service.name', value: { stringValue: 'holdfast-agent' } },
          { key: 'service.instance.id', value: { stringValue: 'greenhouse-7' } },
          { key: 'holdfast.tenant', value: { stringValue: 'default' } },
          { key: 'holdfast.device', value: { stringValue: 'greenhouse-7' } },
        ],
      },
      scopeLogs: [
        {
          scope: { name: 'holdfast.agent' },
          logRecords: [
            {
              ...{ timeUnixNano: '1769860800000000000', severityNumber: 9, severityText: 'INFO' },
              ...{ body: { stringValue: 'agent.ready' }, eventName: 'agent.ready' },
              attributes: [{ key: 'holdfast.generation', value: { intValue: '3' } }],
            },
            { body: { stringValue: 'observability.gap' }, severityNumber: 13 },
          ],
        },
      ],
    },
    {
      scopeLogs: [
        { scope: { name: 'holdfast.function' }, logRecords: [{ body: { stringValue: 'sold out' } }] },
      ],
    },
  ]);
  const metrics = collector.metrics[0]?.resourceMetrics[0]?.scopeMetrics[0]?.metrics;
  expect(metrics?.map(({ name, unit }) => [name, unit])).toEqual([
    ['holdfast.stream.backlog', '{message}'],
    ['holdfast.relay.batches', '{batch}'],
    ['holdfast.store.commit.duration', 's'],
  ]);
  expect(metrics?.[0]).toMatchObject({ gauge: { dataPoints: [{ asDouble: 7 }, { asDouble: 7 }] } });
  expect(valueOf(exported.meter, 'holdfast.cloud.otlp.exported', { signal: 'logs' })).toBe(3);
  expect(valueOf(exported.meter, 'holdfast.cloud.otlp.exported', { signal: 'metrics' })).toBe(6);
  expect(valueOf(exported.meter, 'holdfast.cloud.otlp.rejected', { signal: 'none' })).toBe(1);
});

test('what a collector that is down or busy did not take comes later, once, in order', async () => {
  await using folder = await temporaryFolder();
  const stored = new Stored();
  stored.pageSize = 2;
  for (const body of ['one', 'two', 'three', 'four', 'five']) stored.log(body);
  await using collector = await OtlpCollector.open();
  collector.refusals.push(
    { status: 503, retryAfter: '0' },
    { status: 429 },
    { status: 502 },
    // A token that ran out is put right by somebody: nothing is thrown away.
    { status: 401 },
  );
  await using exported = await startExport(folder.path, stored, { url: collector.url });
  await eventually(() => exported.cursor.position === 5);
  expect(collector.bodies).toEqual(['one', 'two', 'three', 'four', 'five']);
  for (const status of ['503', '429', '502', '401'])
    expect(
      valueOf(exported.meter, 'holdfast.cloud.otlp.failures', { signal: 'logs', 'error.type': status }),
    ).toBe(1);
});

test('a collector that asks for patience is left alone for so long', async () => {
  await using folder = await temporaryFolder();
  const stored = new Stored();
  stored.log('one');
  await using collector = await OtlpCollector.open();
  collector.refusals.push({ status: 429, retryAfter: '3600' });
  await using exported = await startExport(folder.path, stored, { url: collector.url });
  await eventually(() => collector.requests === 1);
  // Without the wish it would have been asked some ten times by now.
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(collector.requests).toBe(1);
  expect(exported.cursor.position).toBe(0);
});

test('it goes on where it was after a restart, and no message is left out', async () => {
  await using folder = await temporaryFolder();
  const stored = new Stored();
  for (const body of ['one', 'two']) stored.log(body);
  await using collector = await OtlpCollector.open();
  {
    await using exported = await startExport(folder.path, stored, { url: collector.url });
    await eventually(() => exported.cursor.position === 2);
  }
  stored.log('three');
  collector.refusals.push({ status: 503, retryAfter: '3600' });
  {
    await using _exported = await startExport(folder.path, stored, { url: collector.url });
    await eventually(() => collector.requests === 2);
  }
  await using exported = await startExport(folder.path, stored, { url: collector.url });
  await eventually(() => exported.cursor.position === 3);
  expect(collector.bodies).toEqual(['one', 'two', 'three']);
});

test('a page that a collector refuses for good is counted and does not hold up the next', async () => {
  await using folder = await temporaryFolder();
  const stored = new Stored();
  stored.pageSize = 1;
  for (const body of ['bad', 'good']) stored.log(body);
  await using collector = await OtlpCollector.open();
  collector.refusals.push({ status: 400, body: 'no' });
  await using exported = await startExport(folder.path, stored, { url: collector.url });
  await eventually(() => exported.cursor.position === 2);
  expect(collector.bodies).toEqual(['good']);
  expect(valueOf(exported.meter, 'holdfast.cloud.otlp.rejected', { signal: 'logs' })).toBe(1);
});

test('what a collector takes only in part is counted', async () => {
  await using folder = await temporaryFolder();
  const stored = new Stored();
  for (const body of ['one', 'two', 'three']) stored.log(body);
  await using collector = await OtlpCollector.open();
  collector.refusals.push({
    status: 200,
    body: JSON.stringify({ partialSuccess: { rejectedLogRecords: '2', errorMessage: 'too old' } }),
  });
  await using exported = await startExport(folder.path, stored, { url: collector.url });
  await eventually(() => exported.cursor.position === 3);
  expect(valueOf(exported.meter, 'holdfast.cloud.otlp.rejected', { signal: 'logs' })).toBe(2);
  expect(valueOf(exported.meter, 'holdfast.cloud.otlp.exported', { signal: 'logs' })).toBe(1);
});
