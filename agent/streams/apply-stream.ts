import type { ConsumerState, Draft } from './ledger.ts';
import { messageBytes } from './operations.ts';
import { readUpTo } from './readers.ts';
import { trimByAge } from './retention.ts';
import type { Writes } from './statements.ts';
import type { StreamOperation, StreamPolicy } from './stream-operations.ts';

export type StreamContext = Writes & { readonly policyOf: (stream: string) => StreamPolicy };

type Of<Op extends StreamOperation['op']> = Extract<StreamOperation, { op: Op }>;

const unspent = { day: '', bytes: 0 };

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
    case 'forgetConsumer':
      draft.placeConsumer(stream, operation.consumer, undefined);
      return;
    case 'expire': {
      trimByAge(writes, draft, stream, { before: operation.before, policy: writes.policyOf(stream) });
      return;
    }
    case 'compact':
      return;
    default:
      operation satisfies never;
  }
}

function append(writes: Writes, draft: Draft, { stream, time, message }: Of<'append'>): void {
  const { lastSeq, bytes } = draft.stream(stream);
  const size = messageBytes(message);
  const seq = lastSeq + 1;
  const { topic, contentType = null, payload, key = null } = message;
  writes.insertMessage.run(stream, seq, time, size, topic, contentType, payload, key);
  draft.updateStream(stream, { lastSeq: seq, bytes: bytes + size });
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
  if (after <= before) return;
  if (policy.keepRead) {
    // A gap record has done its work once all readers had it; it counts for no bytes.
    writes.deleteGaps.run(stream, before, after);
    return;
  }
  const freed = Number(writes.sizeUpTo.get(stream, after)?.size ?? 0);
  writes.deleteUpTo.run(stream, after);
  draft.updateStream(stream, { bytes: draft.stream(stream).bytes - freed });
}

/** Once a transaction. */
export function writeConsumers(writes: Writes, draft: Draft): void {
  for (const [stream, states] of draft.consumerStates)
    for (const [name, state] of states) {
      if (state) writes.putConsumer.run(stream, name, state.seq, state.spent.day, state.spent.bytes);
      else writes.forgetConsumer.run(stream, name);
    }
}
