import { join } from 'node:path';
import type { Logger } from '../../../lib/logger.ts';
import { observabilityStream } from '../../protocol/observability.ts';
import { selectTenant } from '../database/fleet-metrics.ts';
import type { Database } from '../database/schema.ts';
import { readMessagePage } from '../message-page.ts';
import type { CloudMeter } from './metrics.ts';
import type { OtlpTarget } from './otlp-client.ts';
import { OtlpCursor } from './otlp-cursor.ts';
import { OtlpExporter } from './otlp-exporter.ts';

type ExportParts = {
  readonly db: Database;
  readonly folder: string;
  readonly target: OtlpTarget;
  readonly meter: CloudMeter;
  readonly logger: Logger;
};

const page = { limit: 500, maxChars: 2 * 2 ** 20, maxMs: 250 };

/** Exports to `target` what the streams `observability` of all devices bring, until it is disposed. */
export async function startExport({
  db,
  folder,
  target,
  meter,
  logger,
}: ExportParts): Promise<AsyncDisposable> {
  const cursor = await OtlpCursor.open(join(folder, 'otlp.json'), logger);
  const all = { device: undefined, topic: undefined, sinceMs: undefined, untilMs: undefined };
  const exporter = new OtlpExporter({
    ...{ target, cursor, meter, logger },
    read: (after) =>
      readMessagePage(
        db,
        { ...all, stream: observabilityStream, after, limit: page.limit },
        { maxChars: page.maxChars, maxMs: page.maxMs, elapsedMs: () => performance.now() },
      ),
    tenantOf: async (device) => (await selectTenant(db, device)) ?? 'default',
  });
  exporter.start();
  logger.info('otlp.exporting', { url: target.url, position: cursor.position });
  return exporter;
}
