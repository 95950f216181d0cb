import type { DatabaseSync } from 'node:sqlite';
import { AgentError } from '../errors.ts';
import { applyStream, writeConsumers, type StreamContext } from './apply-stream.ts';
import { applySession, writeSessions } from './apply-session.ts';
import { applyTrigger, writeSpendings } from './apply-trigger.ts';
import { deadLetterMessage, type Death } from './dead-letter-message.ts';
import { checkStreamRoom, type DeadLetterStreamOf } from './check-stream-room.ts';
import { Draft, retainedSize, type Counts } from './ledger.ts';
import type { NewEvent, Operation, StreamPolicy } from './operations.ts';
import { eventOf } from './event-of.ts';
import { trimToBytes } from './retention.ts';
import { prepareWrites, type Writes } from './statements.ts';

/** Dead letters kept a function; the oldest make room. */
const maxDeadLetters = 1000;

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
  const writes: Context = { ...prepareWrites(database), policyOf, deadLetterStreamOf };
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

type Context = StreamContext & { readonly deadLetterStreamOf: DeadLetterStreamOf };

function applyOne(writes: Context, draft: Draft, operation: Operation): void {
  switch (operation.op) {
    case 'enqueue': {
      enqueue(writes, draft, operation);
      return;
    }
    case 'finish':
      if (writes.deleteEvent.run(operation.id).changes > 0) draft.addQueued(operation.function, -1);
      return;
    case 'postpone':
      writes.postponeEvent.run(operation.attempts, operation.notBefore, operation.id);
      return;
    case 'bury': {
      bury(writes, draft, operation);
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
    case 'adopt': {
      adopt(writes, draft, operation);
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

function enqueue(writes: Context, draft: Draft, { event, capacity }: Of<'enqueue'>): void {
  if (draft.queued(event.function) >= capacity) {
    const error = { code: 'queueFull', message: `The queue held ${capacity} events` };
    insertDead(writes, draft, event, { attempts: 0, time: event.time, error });
    return;
  }
  const { kind, topic, contentType = null, payload, time, hops, notBefore = 0 } = event;
  const { function: name } = event;
  const inserted = writes.insertEvent.run(name, kind, topic, contentType, payload, time, hops, notBefore);
  draft.addQueued(name, 1);
  draft.arrive({ ...event, id: Number(inserted.lastInsertRowid), attempts: 0, notBefore });
}

function bury(writes: Context, draft: Draft, operation: Of<'bury'>): void {
  const { id, attempts, time, error } = operation;
  const row = writes.buryEvent.get(attempts, time, error.code, error.message, id);
  writes.deleteEvent.run(id);
  if (!row) return;
  draft.addQueued(operation.function, -1);
  draft.addDead(operation.function, 1);
  forgetOldDead(writes, draft, operation.function);
  tellStream(writes, draft, eventOf({ ...row, not_before: 0 }), operation);
}

/** In one transaction with the burial: a dead letter is in its stream, or is none yet. */
function tellStream(writes: Context, draft: Draft, event: NewEvent, death: Death): void {
  const stream = writes.deadLetterStreamOf(event.function);
  if (stream === undefined) return;
  applyStream(writes, draft, {
    ...{ op: 'append', stream, time: death.time },
    message: deadLetterMessage(event, death),
  });
}

function insertDead(writes: Context, draft: Draft, event: NewEvent, death: Death): void {
  const { attempts, time, error } = death;
  const { kind, topic, contentType = null, payload, hops } = event;
  writes.insertDead.run(
    ...[event.function, kind, topic, contentType, payload, event.time, hops, attempts, time],
    ...[error.code, error.message],
  );
  draft.addDead(event.function, 1);
  forgetOldDead(writes, draft, event.function);
  tellStream(writes, draft, event, death);
}

function forgetOldDead(writes: Writes, draft: Draft, name: string): void {
  const excess = draft.dead(name) - maxDeadLetters;
  if (excess > 0) draft.addDead(name, -Number(writes.forgetDead.run(name, excess).changes));
}

/** New ids, greater than all that `to` may have read already; what `from` still says of the old ones is refused. */
function adopt(writes: Writes, draft: Draft, { queue, from, to }: Of<'adopt'>): void {
  if (from === to) return;
  const moved = Number(writes.adoptMessages.run(to, queue, from).changes);
  if (moved === 0) return;
  writes.deleteMessages.run(queue, from);
  draft.addQueued(from, -moved);
  draft.addQueued(to, moved);
  draft.awakened.add(to);
}

/** Sees what earlier units of the same transaction wrote: of two that are based on one value, the first wins. */
function firstRefusal(writes: Context, draft: Draft, unit: readonly Operation[]): AgentError | undefined {
  for (const operation of unit) {
    const refusal = refusalOf(writes, operation);
    if (refusal) return refusal;
  }
  return checkStreamRoom(draft, unit, writes.deadLetterStreamOf);
}

function refusalOf(writes: Writes, operation: Operation): AgentError | undefined {
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
    case 'bury': {
      const { id, function: name } = operation;
      if (writes.hasEvent.get(id, name)) return undefined;
      // Whoever has it now runs it: what was done here must not count as well.
      return new AgentError('gone', `The function ${name} has no event ${id} any more`);
    }
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
  for (const [name, { number, lastSeq, ackedSeq, messages, bytes, spent }] of draft.streams)
    writes.putStream.run(name, number, lastSeq, ackedSeq, messages, bytes, spent.day, spent.bytes);
  writeConsumers(writes, draft);
  writeSessions(writes, draft.sessions);
  for (const [store, bytes] of draft.storeSizes) writes.putStoreSize.run(store, bytes);
  writeSpendings(writes, draft);
}
