import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metric } from '../../lib/metrics/metric.ts';
import { prometheusContentType } from '../../lib/metrics/prometheus-text.ts';

export type MetricsDesk = {
  snapshot(): Metric[];
  /** In the text format of Prometheus. */
  text(): string;
};

/** Metrics as text for Prometheus, or as JSON for who asks for it. */
export function sendMetrics(
  { headers }: IncomingMessage,
  response: ServerResponse,
  metrics: MetricsDesk,
): void {
  const isJson = headers.accept?.includes('application/json') ?? false;
  const body = Buffer.from(isJson ? JSON.stringify({ metrics: metrics.snapshot() }) : metrics.text());
  const type = isJson ? 'application/json; charset=utf-8' : prometheusContentType;
  response.writeHead(200, { 'content-type': type, 'content-length': body.byteLength }).end(body);
}
