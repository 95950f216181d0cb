import { SyncError } from '../../errors.ts';
import { relayEntries, type RelayColumns } from '../../protocol/relay-batch.ts';
import { certificateStatus } from '../database/certificates.ts';
import { moveRelayPosition, openEpoch, relayPosition } from '../database/relay.ts';
import type { Database } from '../database/schema.ts';
import { addUsage, insertSegment, timeSpan, type Usage } from '../database/segments.ts';
import type { DeviceIdentity } from '../identity.ts';
import { packBody, unpackBody } from '../relay-body.ts';
import { planRelay } from '../relay-plan.ts';
import type { RelayOutcome } from './relay-outcome.ts';
import type { ReadBatch } from './up-payload.ts';

type Position = {
  readonly device: string;
  readonly epoch: string;
  readonly stream: string;
  lastSeq: number;
  moved: boolean;
};

/** The batches of one transaction: what they share is read once and written once. */
export class RelayGroup {
  readonly #db: Database;
  readonly #now: Date;
  readonly #refusals = new Map<string, SyncError | undefined>();
  readonly #positions = new Map<string, Position>();
  readonly #usages = new Map<string, Usage>();

  constructor(db: Database, now: Date) {
    this.#db = db;
    this.#now = now;
  }

  /** Stores what is new of the batch; a refused one ('revoked', 'badRequest') comes back as the error, and the others go on. */
  async store(source: DeviceIdentity, batch: ReadBatch): Promise<RelayOutcome | SyncError> {
    const { columns, lastSeq } = batch;
    const refusal = await this.#refusal(source, columns.epoch);
    if (refusal) return refusal;
    const position = await this.#position(source.device, columns);
    const range = { firstSeq: columns.firstSeq, lastSeq };
    const { store, acknowledge } = planRelay(range, position.lastSeq, () => relayEntries(columns));
    if (store !== 'whole' && store.length === 0) return { source, batch, acknowledge, segment: undefined };
    const firstSeq = position.lastSeq + 1;
    const { epoch, stream } = columns;
    const kept =
      store === 'whole'
        ? { body: batch.payload, columns }
        : repacked({ epoch, stream, firstSeq, entries: store });
    if (kept instanceof SyncError) return kept;
    const id = await this.#insert(source, kept, { firstSeq, lastSeq });
    position.lastSeq = lastSeq;
    position.moved = true;
    return { source, batch, acknowledge, segment: { id, source, columns: kept.columns } };
  }

  /** Writes positions and counts; the last thing before the commit. */
  async finish(): Promise<void> {
    for (const { device, moved, ...line } of this.#positions.values())
      if (moved) await moveRelayPosition(this.#db, device, line);
    for (const usage of this.#usages.values()) await addUsage(this.#db, usage);
  }

  async #refusal(source: DeviceIdentity, epoch: string): Promise<SyncError | undefined> {
    const key = `${source.device} ${source.serial} ${epoch}`;
    if (!this.#refusals.has(key)) this.#refusals.set(key, await this.#check(source, epoch));
    return this.#refusals.get(key);
  }

  async #check(source: DeviceIdentity, epoch: string): Promise<SyncError | undefined> {
    const { device, serial } = source;
    const status = await certificateStatus(this.#db, serial, device);
    if (status !== 'valid')
      return new SyncError('revoked', `The certificate ${serial} of ${device} is ${status}`);
    const state = await openEpoch(this.#db, this.#now, source, epoch);
    if (state === 'open') return undefined;
    return new SyncError('revoked', `The relay epoch ${epoch} of ${device} was closed by a recovery`);
  }

  async #position(device: string, { epoch, stream }: RelayColumns): Promise<Position> {
    const key = `${device} ${epoch} ${stream}`;
    const known = this.#positions.get(key);
    if (known) return known;
    const lastSeq = await relayPosition(this.#db, device, { epoch, stream });
    const position = { device, epoch, stream, lastSeq, moved: false };
    this.#positions.set(key, position);
    return position;
  }

  async #insert(
    { device }: DeviceIdentity,
    { body, columns }: { readonly body: Uint8Array; readonly columns: RelayColumns },
    range: { readonly firstSeq: number; readonly lastSeq: number },
  ): Promise<number> {
    const { epoch, stream, times } = columns;
    const entries = times.length;
    const line = { device, epoch, stream, ...range, entries, ...timeSpan(times), body };
    const id = await insertSegment(this.#db, this.#now.toISOString(), line);
    const key = `${device} ${stream}`;
    const usage = this.#usages.get(key) ?? { device, stream, segments: 0, entries: 0, bytes: 0 };
    this.#usages.set(key, {
      ...usage,
      segments: usage.segments + 1,
      entries: usage.entries + entries,
      bytes: usage.bytes + body.byteLength,
    });
    return id;
  }
}

/** Written anew a batch may be larger than any may be: text takes more than base64 where all of it is escaped. */
function repacked(batch: Parameters<typeof packBody>[0]) {
  try {
    const body = packBody(batch);
    return { body, columns: unpackBody(0, body).columns };
  } catch (cause) {
    return new SyncError('badRequest', 'What is new of the batch cannot be stored', { cause });
  }
}
