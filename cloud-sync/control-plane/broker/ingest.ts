import type { Logger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import {
  commandStatusMaxBytes,
  commandStatusSchema,
  onlineSchema,
  reportedSchema,
  type CommandStatus,
} from '../../protocol/messages.ts';
import { deviceTopics, type UpTopic } from '../../protocol/topics.ts';
import { certificateStatus } from '../database/certificates.ts';
import { recordPresence } from '../database/presence.ts';
import { recordReport } from '../database/reports.ts';
import type { Database } from '../database/schema.ts';
import type { DeviceIdentity } from '../identity.ts';
import { RelayIngest } from './relay-ingest.ts';
import type { StoredSegment } from './relay-outcome.ts';
import { readJson } from './up-payload.ts';

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
  /** After each commit, in order of the ids; does not wait. */
  readonly onStored: (segments: readonly StoredSegment[]) => void;
};

type Ingested = {
  /** Whether the broker may keep the message as the retained one of its topic. */
  readonly retain: boolean;
};

/**
 * Takes in one message of a device. Resolves after what it says is committed, so the broker's PUBACK may follow. [G1]
 * Rejects with SyncError 'badRequest' for nonsense, 'revoked' when the certificate was replaced meanwhile and, for the
 * relay, 'diskFull' (transient) and 'unavailable' (transient); then nothing was stored.
 */
export type Ingest = (source: DeviceIdentity, up: UpTopic, payload: Uint8Array) => Promise<Ingested>;

const maxOnlineBytes = 2048;
const maxReportedBytes = 512 * 1024;

export function createIngest(dependencies: IngestDependencies): Ingest {
  const relay = new RelayIngest(dependencies);
  return async (source, up, payload) => {
    switch (up.kind) {
      case 'online':
        return ingestOnline(dependencies, source, payload);
      case 'reported':
        return ingestReported(dependencies, source, payload);
      case 'relay':
        await relay.take(source, payload);
        return { retain: false };
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
