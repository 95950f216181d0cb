import { AgentError } from '../errors.ts';
import type { Counts } from './ledger.ts';
import { maxSeq, maxStreams } from './message-ids.ts';
import type { Operation } from './operations.ts';

export type DeadLetterStreamOf = (functionName: string) => string | undefined;

/**
 * Why streams cannot take what a unit may append: behind the last number that a stream may have, its rows would be those of
 * another one. [G1]
 */
export function checkStreamRoom(
  counts: Pick<Counts, 'stream' | 'lastStreamNumber'>,
  unit: readonly Operation[],
  deadLetterStreamOf: DeadLetterStreamOf,
): AgentError | undefined {
  let fresh: Set<string> | undefined;
  for (const operation of unit) {
    const stream = appendedTo(operation, deadLetterStreamOf);
    if (stream === undefined) continue;
    const { number, lastSeq } = counts.stream(stream);
    if (number === 0) fresh = (fresh ?? new Set()).add(stream);
    // None of its operations appends more than one message.
    if (lastSeq + unit.length > maxSeq) return streamFull(stream, lastSeq);
  }
  const { lastStreamNumber } = counts;
  return fresh && lastStreamNumber + fresh.size > maxStreams
    ? tooManyStreams([...fresh], lastStreamNumber)
    : undefined;
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

function tooManyStreams(streams: readonly string[], had: number): AgentError {
  return new AgentError(
    'tooLarge',
    `Cannot begin the stream ${streams.join(', ')}: this device has had ${had} streams, ${maxStreams} are the most`,
    { hint: 'Give it the name of a stream that the device had before.' },
  );
}
