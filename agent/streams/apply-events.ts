import { AgentError } from '../errors.ts';
import {
  eventInPage,
  insertRow,
  isInPage,
  isPaged,
  moveFromPage,
  takeFromPage,
  writeFresh,
  writeMarks,
} from './apply-pages.ts';
import { applyStream, type StreamContext } from './apply-stream.ts';
import type { DeadLetterStreamOf } from './check-stream-room.ts';
import { deadLetterMessage, type Death } from './dead-letter-message.ts';
import type { FreshEvent } from './event-draft.ts';
import { eventOf } from './event-of.ts';
import type { EventWrites } from './event-statements.ts';
import type { Draft } from './ledger.ts';
import type { NewEvent, Operation } from './operations.ts';

/** Dead letters kept a function; the oldest make room. */
const maxDeadLetters = 1000;

export type EventContext = StreamContext & { readonly deadLetterStreamOf: DeadLetterStreamOf };

type Of<Op extends Operation['op']> = Extract<Operation, { op: Op }>;

export type EventOperation = Of<'enqueue' | 'finish' | 'postpone' | 'bury' | 'adopt'>;

/** What becomes of events. New ones that may share a row are in no table before `writeEvents`. */
export function applyEvent(writes: EventContext, draft: Draft, operation: EventOperation): void {
  switch (operation.op) {
    case 'enqueue': {
      enqueue(writes, draft, operation);
      return;
    }
    case 'finish': {
      finish(writes, draft, operation);
      return;
    }
    case 'postpone': {
      postpone(writes, draft, operation);
      return;
    }
    case 'bury': {
      bury(writes, draft, operation);
      return;
    }
    case 'adopt': {
      adopt(writes, draft, operation);
      return;
    }
    default:
      operation satisfies never;
  }
}

type Ending = Of<'finish' | 'postpone' | 'bury'>;

/** Why an event cannot end so. A damaged page holds up its function, and nobody whose unit shares the transaction. */
export function refusalOfEnding(writes: EventWrites, draft: Draft, ending: Ending): AgentError | undefined {
  const { id, function: name } = ending;
  try {
    if (hasEvent(writes, draft, ending)) return undefined;
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  // Whoever has it now runs it: what was done here must not count as well.
  return new AgentError('gone', `The function ${name} has no event ${id} any more`);
}

/** Whether the function has the event still, in its page or in a row. What is to run again or to be kept has to be legible. */
function hasEvent(writes: EventWrites, draft: Draft, ending: Ending): boolean {
  const waits =
    ending.op === 'finish'
      ? isInPage(writes, draft, ending)
      : eventInPage(writes, draft, ending) !== undefined;
  return waits || writes.hasEvent.get(ending.id, ending.function) !== undefined;
}

/** Once a transaction. */
export function writeEvents(writes: EventWrites, draft: Draft): void {
  writeFresh(writes, draft);
  writeMarks(writes, draft);
}

function enqueue(writes: EventContext, draft: Draft, { event, capacity }: Of<'enqueue'>): void {
  if (draft.queued(event.function) >= capacity) {
    const error = { code: 'queueFull', message: `The queue held ${capacity} events` };
    insertDead(writes, draft, event, { attempts: 0, time: event.time, error });
    return;
  }
  const { function: name, kind, topic, payload, contentType, time, hops, notBefore = 0 } = event;
  const queued: FreshEvent = {
    id: draft.events.take(),
    function: name,
    kind,
    topic,
    payload,
    contentType,
    time,
    hops,
    attempts: 0,
    notBefore,
    page: undefined,
  };
  if (isPaged(queued)) draft.events.addFresh(queued);
  else insertRow(writes, queued);
  draft.addQueued(name, 1);
  draft.arrive(queued);
}

function finish(writes: EventContext, draft: Draft, operation: Of<'finish'>): void {
  if (takeFromPage(writes, draft, operation) || writes.deleteEvent.run(operation.id).changes > 0)
    draft.addQueued(operation.function, -1);
}

/** What is to run again has a row of its own from then on, under its id: it keeps its place. */
function postpone(writes: EventContext, draft: Draft, operation: Of<'postpone'>): void {
  const { id, attempts, notBefore } = operation;
  const event = moveFromPage(writes, draft, operation);
  if (event) insertRow(writes, { ...event, attempts, notBefore });
  else writes.postponeEvent.run(attempts, notBefore, id);
}

function bury(writes: EventContext, draft: Draft, operation: Of<'bury'>): void {
  const { id, attempts, time, error } = operation;
  const event = moveFromPage(writes, draft, operation);
  if (event) {
    draft.addQueued(operation.function, -1);
    insertDead(writes, draft, event, operation);
    return;
  }
  const row = writes.buryEvent.get(attempts, time, error.code, error.message, id);
  writes.deleteEvent.run(id);
  if (!row) return;
  draft.addQueued(operation.function, -1);
  draft.addDead(operation.function, 1);
  forgetOldDead(writes, draft, operation.function);
  tellStream(writes, draft, eventOf({ ...row, not_before: 0 }), operation);
}

/** In one transaction with the burial: a dead letter is in its stream, or is none yet. */
function tellStream(writes: EventContext, draft: Draft, event: NewEvent, death: Death): void {
  const stream = writes.deadLetterStreamOf(event.function);
  if (stream === undefined) return;
  applyStream(writes, draft, {
    ...{ op: 'append', stream, time: death.time },
    message: deadLetterMessage(event, death),
  });
}

function insertDead(writes: EventContext, draft: Draft, event: NewEvent, death: Death): void {
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

function forgetOldDead(writes: EventWrites, draft: Draft, name: string): void {
  const excess = draft.dead(name) - maxDeadLetters;
  if (excess > 0) draft.addDead(name, -Number(writes.forgetDead.run(name, excess).changes));
}

/** New ids, greater than all that `to` may have read already; what `from` still says of the old ones is refused. */
function adopt(writes: EventWrites, draft: Draft, { queue, from, to }: Of<'adopt'>): void {
  if (from === to) return;
  const { lastId } = draft.events;
  const moved = Number(writes.adoptMessages.run(lastId, to, queue, from).changes);
  if (moved === 0) return;
  draft.events.take(moved);
  writes.deleteMessages.run(queue, from);
  draft.addQueued(from, -moved);
  draft.addQueued(to, moved);
  draft.awakened.add(to);
}
