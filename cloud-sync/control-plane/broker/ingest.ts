import type { Logger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import {
  commandStatusMaxBytes,
  commandStatusSchema,
  onlineSchema,
  reportedSchema,
  type CommandStatus,
} from '../../protocol/messages.ts';
import type { RelayBatch, RelayEntry } from '../../protocol/relay-batch.ts';
import { deviceTopics, republishedTopic, type UpTopic } from '../../protocol/topics.ts';
import { certificateStatus } from '../database/certificates.ts';
import { recordPresence } from '../database/presence.ts';
import { appendRelayed, openEpoch, relayPosition } from '../database/relay.ts';
import { recordReport } from '../database/reports.ts';
import type { Database } from '../database/schema.ts';
import type { DeviceIdentity } from '../identity.ts';
import { planRelay } from '../relay-plan.ts';
import { readJson, readRelayBatch } from './up-payload.ts';

export type OutgoingMessage = {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly retain?: boolean;
};

export type IngestDependencies = {
  readonly db: Database;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Sends to whoever is subscribed; does not wait for them. */
  readonly publish: (message: OutgoingMessage) => void;
  readonly onCommandStatus: (device: string, id: string, status: CommandStatus) => void;
  /** What a device asks of its shadows; resolves once it is committed and answered. */
  readonly onShadow: (
    source: DeviceIdentity,
    up: Extract<UpTopic, { kind: 'shadow' }>,
    payload: Uint8Array,
  ) => Promise<void>;
};

type Ingested = {
  /** Whether the broker may keep the message as the retained one of its topic. */
  readonly retain: boolean;
};

/**
 * Takes in one message of a device. Resolves after what it says is committed, so the broker's PUBACK may follow. [G1]
 * Rejects with SyncError 'badRequest' for nonsense and 'revoked' when the certificate was replaced meanwhile; then
 * nothing was stored.
 */
export type Ingest = (source: DeviceIdentity, up: UpTopic, payload: Uint8Array) => Promise<Ingested>;

const maxOnlineBytes = 2048;
const maxReportedBytes = 512 * 1024;

export function createIngest(dependencies: IngestDependencies): Ingest {
  return async (source, up, payload) => {
    switch (up.kind) {
      case 'online':
        return ingestOnline(dependencies, source, payload);
      case 'reported':
        return ingestReported(dependencies, source, payload);
      case 'relay':
        return ingestRelay(dependencies, source, payload);
      case 'shadow':
        await dependencies.onShadow(source, up, payload);
        return { retain: false };
      case 'commandStatus': {
        const status = readJson(commandStatusSchema, payload, commandStatusMaxBytes);
        dependencies.onCommandStatus(source.device, up.id, status);
        return { retain: false };
      }
      default:
        return up satisfies never;
    }
  };
}

/** Runs `work` in one transaction in which the certificate of the source is still valid. */
function whileValid<T>(
  { db }: IngestDependencies,
  { device, serial }: DeviceIdentity,
  work: (transaction: Database) => Promise<T>,
): Promise<T> {
  return db.transaction().execute(async (transaction) => {
    const status = await certificateStatus(transaction, serial, device);
    if (status === 'valid') return work(transaction);
    throw new SyncError('revoked', `The certificate ${serial} of ${device} is ${status}`);
  });
}

async function ingestOnline(
  dependencies: IngestDependencies,
  source: DeviceIdentity,
  payload: Uint8Array,
): Promise<Ingested> {
  const online = readJson(onlineSchema, payload, maxOnlineBytes);
  const counts = await whileValid(dependencies, source, (transaction) =>
    recordPresence(transaction, dependencies.now(), source.device, { ...online, serial: source.serial }),
  );
  dependencies.logger.info('device.presence', { device: source.device, ...online, ignored: !counts });
  return { retain: counts };
}

async function ingestReported(
  dependencies: IngestDependencies,
  source: DeviceIdentity,
  payload: Uint8Array,
): Promise<Ingested> {
  const report = readJson(reportedSchema, payload, maxReportedBytes);
  const { device, serial } = source;
  const { seq, stored } = await whileValid(dependencies, source, (transaction) =>
    recordReport(transaction, dependencies.now(), { device, serial, report }),
  );
  dependencies.publish({ topic: deviceTopics(source).reportedAck, payload: JSON.stringify({ seq }) });
  const { phase, applied } = report;
  dependencies.logger.info('device.reported', { device, seq: report.seq, phase, applied, ignored: !stored });
  return { retain: stored };
}

async function ingestRelay(
  dependencies: IngestDependencies,
  source: DeviceIdentity,
  payload: Uint8Array,
): Promise<Ingested> {
  const batch = await readRelayBatch(payload);
  const { epoch, stream } = batch;
  const plan = await storeRelay(dependencies, source, batch);
  // [G5] only here, after the commit, may the device forget what it sent.
  const ack = JSON.stringify({ epoch, stream, seq: plan.acknowledge });
  dependencies.publish({ topic: deviceTopics(source).relayAck, payload: ack });
  for (const entry of plan.store) republish(dependencies, source, entry);
  const { device } = source;
  const { firstSeq, lastSeq } = batch;
  const counts = { stored: plan.store.length, acknowledged: plan.acknowledge };
  dependencies.logger.debug('relay.batch', { device, epoch, stream, firstSeq, lastSeq, ...counts });
  return { retain: false };
}

function storeRelay(dependencies: IngestDependencies, source: DeviceIdentity, batch: RelayBatch) {
  const { epoch, stream } = batch;
  const now = dependencies.now();
  return whileValid(dependencies, source, async (transaction) => {
    if ((await openEpoch(transaction, now, source, epoch)) === 'closed') {
      throw new SyncError('revoked', `The relay epoch ${epoch} of ${source.device} was closed by a recovery`);
    }
    const plan = planRelay(batch, await relayPosition(transaction, source.device, batch));
    await appendRelayed(transaction, now, source.device, { epoch, stream, entries: plan.store });
    return plan;
  });
}

/** Characters that no topic to publish to may hold [MQTT-3.3.2-2]; such a message is stored but not sent on. */
const unpublishable = /[+#\0]/;

function republish({ publish }: IngestDependencies, source: DeviceIdentity, entry: RelayEntry): void {
  if (entry.gap || unpublishable.test(entry.topic)) return;
  publish({ topic: republishedTopic(source, entry.topic), payload: entry.payload });
}
