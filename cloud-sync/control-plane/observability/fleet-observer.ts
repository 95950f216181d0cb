import { prometheusText } from '../../../lib/metrics/prometheus-text.ts';
import { observabilityStream, observabilityTopics, readMetricsEvent } from '../../protocol/observability.ts';
import { relayEntries, type RelayColumns } from '../../protocol/relay-batch.ts';
import type { Ingest } from '../broker/ingest.ts';
import { selectSeenDevices, selectStoredTotals, type SeenDevice } from '../database/fleet-metrics.ts';
import type { Database } from '../database/schema.ts';
import { selectVaultTotals, type VaultTotals } from '../database/vault-files.ts';
import { createCloudMeter, type CloudMeter } from './metrics.ts';

type Segment = { readonly source: { readonly device: string }; readonly columns: RelayColumns };

/** Streams whose backlog is told of one device, and how long their names may be; a manifest has fewer and shorter ones. */
const maxStreams = 500;
const maxNameLength = 63;

/** Measures the control plane and what it knows of its fleet, for `GET /metrics`. */
export class FleetObserver {
  readonly meter: CloudMeter = createCloudMeter();
  readonly #db: Database;
  /** By device and stream, as the device said last; forgotten by a restart until it says so again. */
  readonly #backlogs = new Map<string, ReadonlyMap<string, number>>();
  readonly #lastStored = new Map<string, number>();
  #devices: readonly SeenDevice[] = [];
  #totals = { entries: 0, bytes: 0 };
  #vaults: readonly VaultTotals[] = [];

  constructor(db: Database) {
    this.#db = db;
    this.#observe();
  }

  /** The same ingest, measured. */
  measure(ingest: Ingest): Ingest {
    const { meter } = this;
    return async (source, up, payload) => {
      if (up.kind !== 'relay') return ingest(source, up, payload);
      const startedMs = performance.now();
      let outcome = 'refused';
      try {
        const ingested = await ingest(source, up, payload);
        outcome = 'committed';
        meter.record('holdfast.cloud.ingest.duration', (performance.now() - startedMs) / 1000, {});
        return ingested;
      } finally {
        meter.add('holdfast.cloud.ingest.batches', { outcome });
        meter.add('holdfast.cloud.ingest.received', {}, payload.byteLength);
      }
    };
  }

  /** After each commit. */
  stored(segments: readonly Segment[]): void {
    const nowMs = Date.now();
    for (const { source, columns } of segments) {
      this.meter.add('holdfast.cloud.ingest.messages', {}, columns.times.length);
      this.#lastStored.set(source.device, nowMs);
      if (columns.stream === observabilityStream) this.#readBacklogs(source.device, columns);
    }
  }

  /** Everything, as Prometheus reads it. */
  async text(): Promise<string> {
    this.#devices = await selectSeenDevices(this.#db);
    this.#totals = await selectStoredTotals(this.#db);
    this.#vaults = await selectVaultTotals(this.#db);
    return prometheusText(this.meter.snapshot());
  }

  #readBacklogs(device: string, columns: RelayColumns): void {
    if (!columns.topicNames.includes(observabilityTopics.metrics)) return;
    const newest = relayEntries(columns).findLast(
      (entry) => !entry.gap && entry.topic === observabilityTopics.metrics,
    );
    if (!newest || newest.gap) return;
    const backlog = readMetricsEvent(newest.payload)?.metrics['holdfast.stream.backlog'];
    if (backlog?.kind !== 'gauge') return;
    const relayed = backlog.points.flatMap(({ attributes: { reader, stream = '' }, value }) =>
      reader === 'cloud' && stream.length <= maxNameLength ? [[stream, value] as const] : [],
    );
    this.#backlogs.set(device, new Map(relayed.slice(0, maxStreams)));
  }

  #observe(): void {
    this.meter.observe((report) => {
      const { user, system } = process.cpuUsage();
      report('process.memory.usage', process.memoryUsage.rss(), {});
      report('process.cpu.time', user / 1e6, { 'cpu.mode': 'user' });
      report('process.cpu.time', system / 1e6, { 'cpu.mode': 'system' });
      report('process.uptime', process.uptime(), {});
      report('holdfast.cloud.stored.messages', this.#totals.entries, {});
      report('holdfast.cloud.stored.size', this.#totals.bytes, {});
      const states = { online: 0, offline: 0, never: 0 };
      for (const { device, online, seen } of this.#devices) {
        states[online === null ? 'never' : online ? 'online' : 'offline'] += 1;
        report('holdfast.cloud.device.online', online ? 1 : 0, { device });
        const seenMs = Math.max(seen === null ? 0 : Date.parse(seen), this.#lastStored.get(device) ?? 0);
        if (seenMs > 0) report('holdfast.cloud.device.last_seen', seenMs / 1000, { device });
      }
      for (const [state, count] of Object.entries(states)) report('holdfast.cloud.devices', count, { state });
      for (const [device, streams] of this.#backlogs)
        for (const [stream, count] of streams)
          report('holdfast.cloud.device.backlog', count, { device, stream });
      for (const { device, bytes, snapshots, newestMs } of this.#vaults) {
        report('holdfast.cloud.vault.size', bytes, { device });
        report('holdfast.cloud.vault.snapshots', snapshots, { device });
        if (newestMs !== null) report('holdfast.cloud.vault.last_snapshot', newestMs / 1000, { device });
      }
    });
  }
}
