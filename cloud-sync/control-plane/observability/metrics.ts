import { Meter } from '../../../lib/metrics/meter.ts';
import type { MetricDefinitions } from '../../../lib/metrics/metric.ts';

/** Everything the control plane measures; names and units are of OpenTelemetry. */
export const cloudMetrics = {
  'process.memory.usage': {
    kind: 'gauge',
    unit: 'By',
    description: 'Resident memory of the control plane.',
  },
  'process.cpu.time': {
    kind: 'counter',
    unit: 's',
    description: 'Processor time of the control plane.',
    attributes: ['cpu.mode'],
  },
  'process.uptime': { kind: 'gauge', unit: 's', description: 'Time since the control plane started.' },
  'holdfast.cloud.devices': {
    kind: 'gauge',
    unit: '{device}',
    description: 'Devices by what is known of them: online, offline, or never connected.',
    attributes: ['state'],
  },
  'holdfast.cloud.device.online': {
    kind: 'gauge',
    unit: '{device}',
    description: '1 while the device is connected, else 0.',
    attributes: ['device'],
  },
  'holdfast.cloud.device.last_seen': {
    kind: 'gauge',
    unit: 's',
    description: 'When the device was last heard of, in seconds since 1970.',
    attributes: ['device'],
  },
  'holdfast.cloud.device.backlog': {
    kind: 'gauge',
    unit: '{message}',
    description: 'What waited on the device for its relay, as it said itself last.',
    attributes: ['device', 'stream'],
  },
  'holdfast.cloud.ingest.batches': {
    kind: 'counter',
    unit: '{batch}',
    description: 'Batches of devices by what became of them: committed, or refused.',
    attributes: ['outcome'],
  },
  'holdfast.cloud.ingest.received': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of batches as they came, compressed.',
  },
  'holdfast.cloud.ingest.messages': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages and gap records that were stored.',
  },
  'holdfast.cloud.ingest.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'From the arrival of a batch to its commit.',
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  'holdfast.cloud.stored.messages': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages and gap records that are kept.',
  },
  'holdfast.cloud.stored.size': {
    kind: 'gauge',
    unit: 'By',
    description: 'Bytes of the messages that are kept, compressed.',
  },
  'holdfast.cloud.vault.received': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of files that were received for the vaults.',
  },
  'holdfast.cloud.vault.size': {
    kind: 'gauge',
    unit: 'By',
    description: 'Bytes of the files in the vault of a device.',
    attributes: ['device'],
  },
  'holdfast.cloud.vault.snapshots': {
    kind: 'gauge',
    unit: '{snapshot}',
    description: 'Snapshots in the vault of a device.',
    attributes: ['device'],
  },
  'holdfast.cloud.vault.last_snapshot': {
    kind: 'gauge',
    unit: 's',
    description: 'When the newest snapshot of a device was received, in seconds since 1970.',
    attributes: ['device'],
  },
  'holdfast.cloud.otlp.exported': {
    kind: 'counter',
    unit: '{item}',
    description: 'Log records and metric points that the collector took.',
    attributes: ['signal'],
  },
  'holdfast.cloud.otlp.rejected': {
    kind: 'counter',
    unit: '{item}',
    description:
      'Log records and metric points that the collector will never take, and messages that are neither.',
    attributes: ['signal'],
  },
  'holdfast.cloud.otlp.failures': {
    kind: 'counter',
    unit: '{attempt}',
    description: 'Exports that failed and were tried again, by HTTP status or network error.',
    attributes: ['signal', 'error.type'],
  },
  'holdfast.cloud.otlp.position': {
    kind: 'gauge',
    unit: '{cursor}',
    description: 'Up to which stored message the collector has everything.',
  },
} as const satisfies MetricDefinitions;

export type CloudMeter = Meter<typeof cloudMetrics>;

/** A fleet has more devices than a device has functions. */
const maxSeries = 20_000;

export function createCloudMeter(): CloudMeter {
  return new Meter(cloudMetrics, { maxSeries });
}
