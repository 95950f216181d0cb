import type { DatabaseSync } from 'node:sqlite';
import { AgentError } from '../errors.ts';
import { applyEvent, refusalOfEnding, writeEvents, type EventContext } from './apply-events.ts';
import { applyStream, writeConsumers } from './apply-stream.ts';
import { applySession, writeSessions } from './apply-session.ts';
import { applyTrigger, writeSpendings } from './apply-trigger.ts';
import { checkStreamRoom, type DeadLetterStreamOf } from './check-stream-room.ts';
import { Draft, retainedSize, type Counts } from './ledger.ts';
import type { Operation, StreamPolicy } from './operations.ts';
import { trimToBytes } from './retention.ts';
import { prepareWrites, type Writes } from './statements.ts';

export type Apply = (units: readonly (readonly Operation[])[], counts: Counts) => Draft;

/**
 * Makes the function that writes groups of operations in one transaction. It returns what changed, or throws
 * node:sqlite's error with everything rolled back.
 */
export function prepareApply(
  database: DatabaseSync,
  policyOf: (stream: string) => StreamPolicy,
  /** The stream that gets the dead letters of a function too. */
  deadLetterStreamOf: DeadLetterStreamOf = () => undefined,
): Apply {
  const writes: EventContext = { ...prepareWrites(database), policyOf, deadLetterStreamOf };
  return (units, counts) => {
    const draft = new Draft(counts);
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const [place, unit] of units.entries()) {
        const refusal = firstRefusal(writes, draft, unit);
        if (refusal) draft.refused.set(place, refusal);
        else for (const operation of unit) applyOne(writes, draft, operation);
      }
      for (const name of draft.streams.keys()) {
        const policy = policyOf(name);
        if (draft.stream(name).bytes > policy.maxBytes) trimToBytes(writes, draft, name, policy);
      }
      writeCounters(writes, draft);
      database.exec('COMMIT'); // [G1] durable after the sync of the log that follows
    } catch (error) {
      // A full disk may have ended the transaction already.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
    return draft;
  };
}

function applyOne(writes: EventContext, draft: Draft, operation: Operation): void {
  switch (operation.op) {
    case 'enqueue':
    case 'finish':
    case 'postpone':
    case 'bury':
    case 'adopt': {
      applyEvent(writes, draft, operation);
      return;
    }
    case 'put': {
      put(writes, draft, operation);
      return;
    }
    case 'remove': {
      remove(writes, draft, operation);
      return;
    }
    case 'check':
      return; // Before the unit: see `firstRefusal`.
    case 'sweep': {
      sweep(writes, draft, operation);
      return;
    }
    case 'retain': {
      retain(writes, draft, operation);
      return;
    }
    case 'append':
    case 'acknowledge':
    case 'advance':
    case 'seek':
    case 'forgetConsumer':
    case 'expire':
    case 'trim':
    case 'empty':
    case 'compact': {
      applyStream(writes, draft, operation);
      return;
    }
    case 'openSession':
    case 'leaveSession':
    case 'endSession':
    case 'subscribe':
    case 'unsubscribe':
    case 'deliver':
    case 'settle':
    case 'release':
    case 'receive':
    case 'complete':
    case 'putWill':
    case 'forgetWill': {
      applySession(writes, draft.sessions, operation);
      return;
    }
    default:
      applyTrigger(writes, draft, operation);
  }
}

type Of<Op extends Operation['op']> = Extract<Operation, { op: Op }>;

/** Sees what earlier units of the same transaction wrote: of two that are based on one value, the first wins. */
function firstRefusal(
  writes: EventContext,
  draft: Draft,
  unit: readonly Operation[],
): AgentError | undefined {
  for (const operation of unit) {
    const refusal = refusalOf(writes, draft, operation);
    if (refusal) return refusal;
  }
  return checkStreamRoom(writes, draft, unit);
}

function refusalOf(writes: Writes, draft: Draft, operation: Operation): AgentError | undefined {
  switch (operation.op) {
    case 'check': {
      const { store, key, expected, time } = operation;
      const found = writes.presentKv.get(store, key, time)?.value as Uint8Array | undefined;
      if (expected === null ? found === undefined : found && sameBytes(found, expected)) return undefined;
      return new AgentError('conflict', `The value of ${key} in the store ${store} was changed meanwhile`, {
        hint: 'Another invocation was faster; run this one again.',
        transient: true,
      });
    }
    case 'finish':
    case 'postpone':
    case 'bury':
      return refusalOfEnding(writes, draft, operation);
    default:
      return undefined;
  }
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function sweep(writes: Writes, draft: Draft, { before, limit }: Of<'sweep'>): void {
  for (const row of writes.expiredKv.all(before, limit))
    remove(writes, draft, { op: 'remove', store: String(row.store), key: String(row.key) });
}

function put(writes: Writes, draft: Draft, { store, key, value, expires }: Of<'put'>): void {
  const before = Number(writes.kvSize.get(store, key)?.size ?? 0);
  writes.putKv.run(store, key, value, expires ?? null);
  draft.addStoreBytes(store, Buffer.byteLength(key) + value.byteLength - before);
}

function remove(writes: Writes, draft: Draft, { store, key }: Of<'remove'>): void {
  const before = Number(writes.kvSize.get(store, key)?.size ?? 0);
  if (writes.removeKv.run(store, key).changes > 0) draft.addStoreBytes(store, -before);
}

function retain(writes: Writes, draft: Draft, { message }: Of<'retain'>): void {
  const { topic, contentType = null, payload, qos } = message;
  if (payload.byteLength === 0) writes.forgetRetained.run(topic);
  else writes.putRetained.run(topic, contentType, payload, qos);
  draft.retainedSizes.set(topic, retainedSize(topic, payload.byteLength));
}

function writeCounters(writes: Writes, draft: Draft): void {
  writeEvents(writes, draft);
  for (const [name, { number, lastSeq, ackedSeq, messages, bytes, spent }] of draft.streams)
    writes.putStream.run(name, number, lastSeq, ackedSeq, messages, bytes, spent.day, spent.bytes);
  writeConsumers(writes, draft);
  writeSessions(writes, draft.sessions);
  for (const [store, bytes] of draft.storeSizes) writes.putStoreSize.run(store, bytes);
  writeSpendings(writes, draft);
}
