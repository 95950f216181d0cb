import { AgentError } from '../errors.ts';
import { giveNumbersBack } from './give-numbers-back.ts';
import type { Draft } from './ledger.ts';
import { maxSeq, maxStreams } from './message-ids.ts';
import type { Operation } from './operations.ts';
import type { Writes } from './statements.ts';
import { streamNumbersLeft } from './stream-numbers.ts';

export type DeadLetterStreamOf = (functionName: string) => string | undefined;

type RoomContext = Writes & { readonly deadLetterStreamOf: DeadLetterStreamOf };

/**
 * Why streams cannot take what a unit may append: behind the last number that a stream may have, its rows would be those of
 * another one. [G1] Where new streams find no number, those that hold nothing give theirs back.
 */
export function checkStreamRoom(
  writes: RoomContext,
  draft: Draft,
  unit: readonly Operation[],
): AgentError | undefined {
  let fresh: Set<string> | undefined;
  for (const operation of unit) {
    const stream = appendedTo(operation, writes.deadLetterStreamOf);
    if (stream === undefined) continue;
    const { number, lastSeq } = draft.stream(stream);
    if (number === 0) fresh = (fresh ?? new Set()).add(stream);
    // None of its operations appends more than one message.
    if (lastSeq + unit.length > maxSeq) return streamFull(stream, lastSeq);
  }
  return fresh && !hasNumbersFor(fresh, { writes, draft, unit }) ? tooManyStreams([...fresh]) : undefined;
}

function hasNumbersFor(
  fresh: ReadonlySet<string>,
  {
    writes,
    draft,
    unit,
  }: { readonly writes: RoomContext; readonly draft: Draft; readonly unit: readonly Operation[] },
): boolean {
  if (fresh.size <= streamNumbersLeft(draft.streamNumbers)) return true;
  const appended = unit.map((operation) => appendedTo(operation, writes.deadLetterStreamOf) ?? '');
  giveNumbersBack(writes, draft, new Set(appended));
  return fresh.size <= streamNumbersLeft(draft.streamNumbers);
}

/** The stream that an operation may append to. */
function appendedTo(operation: Operation, deadLetterStreamOf: DeadLetterStreamOf): string | undefined {
  switch (operation.op) {
    case 'append':
      return operation.stream;
    case 'enqueue':
      return deadLetterStreamOf(operation.event.function);
    case 'bury':
      return deadLetterStreamOf(operation.function);
    default:
      return undefined;
  }
}

function streamFull(stream: string, lastSeq: number): AgentError {
  return new AgentError(
    'tooLarge',
    `Cannot append to the stream ${stream} behind number ${lastSeq}: ${maxSeq} is the last it can have`,
    { hint: 'Go on in a stream of another name.' },
  );
}

function tooManyStreams(streams: readonly string[]): AgentError {
  return new AgentError(
    'tooLarge',
    `Cannot begin the stream ${streams.join(', ')}: this device holds messages of as many streams as it can, ${maxStreams}`,
    { hint: 'Use a stream that the device has, or let another one run empty: keep: { age: 1s } lets it.' },
  );
}
