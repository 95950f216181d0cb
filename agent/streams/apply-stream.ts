import type { ConsumerState, Draft } from './ledger.ts';
import { compact } from './compaction.ts';
import { maxSeq, messageId } from './message-ids.ts';
import { messageBytes } from './operations.ts';
import { readUpTo } from './readers.ts';
import { trimByAge } from './retention.ts';
import type { Writes } from './statements.ts';
import type { StreamOperation, StreamPolicy } from './stream-operations.ts';

export type StreamContext = Writes & { readonly policyOf: (stream: string) => StreamPolicy };

type Of<Op extends StreamOperation['op']> = Extract<StreamOperation, { op: Op }>;

const unspent = { day: '', bytes: 0 };
/** Of a stream without readers: what is dropped leaves no gap for anybody. */
const unread: StreamPolicy = { maxBytes: 0, relayed: false, consumers: [], keepRead: false };

export function applyStream(writes: StreamContext, draft: Draft, operation: StreamOperation): void {
  const { stream } = operation;
  switch (operation.op) {
    case 'append': {
      append(writes, draft, operation);
      return;
    }
    case 'acknowledge': {
      const { seq, spent } = operation;
      const { ackedSeq, lastSeq } = draft.stream(stream);
      if (seq <= ackedSeq || seq > lastSeq) return;
      read(writes, draft, stream, () =>
        draft.updateStream(stream, { ackedSeq: seq, ...(spent && { spent }) }),
      );
      return;
    }
    case 'advance': {
      const { consumer, seq, spent } = operation;
      const before = draft.consumer(stream, consumer);
      if (before && seq < before.seq) return;
      place(writes, draft, operation, { seq, spent: spent ?? before?.spent ?? unspent });
      return;
    }
    case 'seek': {
      const spent = draft.consumer(stream, operation.consumer)?.spent ?? unspent;
      place(writes, draft, operation, { seq: operation.seq, spent });
      return;
    }
    case 'forgetConsumer': {
      draft.placeConsumer(stream, operation.consumer, undefined);
      // Under a policy that may not have it any more: what it held back goes now.
      const policy = writes.policyOf(stream);
      free(writes, draft, stream, { upTo: readUpTo(draft, stream, policy), policy });
      return;
    }
    case 'expire': {
      const { before, limit } = operation;
      trimByAge(writes, draft, stream, { before, limit, policy: writes.policyOf(stream) });
      return;
    }
    case 'empty': {
      const { limit } = operation;
      const before = Number.POSITIVE_INFINITY;
      trimByAge(writes, draft, stream, { before, limit, policy: unread });
      const { number, messages } = draft.stream(stream);
      if (messages === 0) writes.deleteGaps.run(messageId(number, 0), messageId(number, maxSeq));
      return;
    }
    case 'trim':
      // What a transaction touched is trimmed at its end.
      draft.updateStream(stream, {});
      return;
    case 'compact': {
      compact(writes, draft, operation, writes.policyOf(stream));
      return;
    }
    default:
      operation satisfies never;
  }
}

function append(writes: Writes, draft: Draft, { stream, time, message }: Of<'append'>): void {
  const size = messageBytes(message);
  const id = draft.append(stream, size);
  const { topic, contentType = null, payload, key = null, hops = 0, origin = null } = message;
  // Not run(): the object that it would make of what changed is a tenth of the time of a row.
  if (contentType === null && key === null && hops === 0 && origin === null)
    writes.insertPlain.get(id, time, size, topic, payload);
  else writes.insertMessage.get(id, time, size, topic, payload, contentType, key, hops, origin);
}

function place(
  writes: StreamContext,
  draft: Draft,
  { stream, consumer }: { readonly stream: string; readonly consumer: string },
  state: ConsumerState,
): void {
  const seq = Math.max(0, Math.min(state.seq, draft.stream(stream).lastSeq));
  read(writes, draft, stream, () => draft.placeConsumer(stream, consumer, { ...state, seq }));
}

/** Moves a reader, and lets go of what all readers had after that. */
function read(writes: StreamContext, draft: Draft, stream: string, move: () => void): void {
  const policy = writes.policyOf(stream);
  const before = readUpTo(draft, stream, policy);
  move();
  const after = readUpTo(draft, stream, policy);
  if (after > before) free(writes, draft, stream, { upTo: after, policy });
}

/** Lets go of what all readers had. */
function free(
  writes: Writes,
  draft: Draft,
  stream: string,
  { upTo, policy }: { readonly upTo: number; readonly policy: StreamPolicy },
): void {
  const { number, messages, bytes } = draft.stream(stream);
  const range = [messageId(number, 0), messageId(number, upTo)] as const;
  if (policy.keepRead) {
    // A gap record has done its work; it counts for no bytes.
    writes.deleteGaps.run(...range);
    return;
  }
  const freed = writes.heldIn.get(...range);
  writes.deleteIn.run(...range);
  draft.updateStream(stream, {
    messages: messages - Number(freed?.messages ?? 0),
    bytes: bytes - Number(freed?.size ?? 0),
  });
}

/** Once a transaction. */
export function writeConsumers(writes: Writes, draft: Draft): void {
  for (const [stream, states] of draft.consumerStates)
    for (const [name, state] of states) {
      if (state) writes.putConsumer.run(stream, name, state.seq, state.spent.day, state.spent.bytes);
      else writes.forgetConsumer.run(stream, name);
    }
}
