import { messageBytes } from './operations.ts';
import { packetAfter, type SessionDraft, type SessionState } from './session-ledger.ts';
import { maxSessionBytes, type SessionCaps, type SessionOperation } from './session-operations.ts';
import type { SessionWrites } from './session-statements.ts';

type Of<Op extends SessionOperation['op']> = Extract<SessionOperation, { op: Op }>;

/** Rows that are looked at together when room is made. */
const roomPage = 64;
/** What goes at once from the fullest session when all of them are too large together. */
const roomBytes = 2 ** 20;

export function applySession(writes: SessionWrites, draft: SessionDraft, operation: SessionOperation): void {
  const { client } = operation;
  switch (operation.op) {
    case 'openSession': {
      const { name } = operation;
      const state = draft.of(client) ?? {
        name,
        away: null,
        messages: 0,
        bytes: 0,
        dropped: 0,
        nextPacket: 1,
      };
      draft.put(client, { ...state, name, away: null });
      return;
    }
    case 'leaveSession': {
      const state = draft.of(client);
      if (state) draft.put(client, { ...state, away: operation.time });
      return;
    }
    case 'endSession': {
      endSession(writes, draft, client);
      return;
    }
    case 'subscribe':
      if (draft.of(client))
        for (const { filter, qos } of operation.subscriptions)
          writes.putSubscription.run(client, filter, qos);
      return;
    case 'unsubscribe':
      for (const filter of operation.filters) writes.forgetSubscription.run(client, filter);
      return;
    case 'deliver': {
      deliver(writes, draft, operation);
      return;
    }
    case 'settle': {
      settle(writes, draft, operation);
      return;
    }
    case 'release': {
      release(writes, draft, operation);
      return;
    }
    default:
      applyPacket(writes, draft, operation);
  }
}

function applyPacket(
  writes: SessionWrites,
  draft: SessionDraft,
  operation: Of<'receive' | 'complete' | 'putWill' | 'forgetWill'>,
): void {
  const { client } = operation;
  switch (operation.op) {
    case 'receive':
      if (draft.of(client)) writes.putReceived.run(client, operation.packet);
      return;
    case 'complete':
      writes.forgetReceived.run(client, operation.packet);
      return;
    case 'putWill': {
      const { topic, payload, qos, retain } = operation.message;
      writes.putWill.run(client, operation.name, topic, payload, qos, Number(retain));
      return;
    }
    case 'forgetWill':
      writes.forgetWill.run(client);
      return;
    default:
      operation satisfies never;
  }
}

function endSession(writes: SessionWrites, draft: SessionDraft, client: string): void {
  draft.put(client, undefined);
  writes.endSubscriptions.run(client);
  writes.endSessionMessages.run(client);
  writes.endReceived.run(client);
}

function deliver(writes: SessionWrites, draft: SessionDraft, { client, message, caps }: Of<'deliver'>): void {
  const state = draft.of(client);
  if (!state) return;
  const { topic, payload, qos, retain } = message;
  const { nextPacket: packet } = state;
  const size = messageBytes(message);
  const { lastInsertRowid } = writes.insertSessionMessage.run(
    ...[client, packet, topic, payload, qos, Number(retain), size],
  );
  const id = Number(lastInsertRowid);
  const { messages, bytes } = state;
  draft.put(client, {
    ...state,
    messages: messages + 1,
    bytes: bytes + size,
    nextPacket: packetAfter(packet),
  });
  draft.arrive(client, { ...message, id, packet, released: false });
  makeRoom(writes, draft, { client, before: id, caps });
  if (draft.bytes > maxSessionBytes) relieve(writes, draft);
}

type Room = { readonly client: string; readonly before: number; readonly caps: SessionCaps };

/** Drops the oldest messages before `before` until the session keeps to its caps. */
function makeRoom(writes: SessionWrites, draft: SessionDraft, { client, before, caps }: Room): void {
  for (let state = draft.of(client); state && isOver(state, caps); state = draft.of(client)) {
    const oldest = writes.oldestSessionMessages.all(client, before, roomPage);
    if (oldest.length === 0) return;
    let { messages, bytes, dropped } = state;
    for (const row of oldest) {
      if (messages <= caps.messages && bytes <= caps.bytes) break;
      writes.deleteSessionMessage.run(Number(row.id), client);
      messages -= 1;
      bytes -= Number(row.size);
      dropped += 1;
    }
    draft.put(client, { ...state, messages, bytes, dropped });
  }
}

function isOver({ messages, bytes }: SessionState, caps: SessionCaps): boolean {
  return messages > caps.messages || bytes > caps.bytes;
}

/** All sessions together are too large: the fullest one gives way, its oldest messages first. */
function relieve(writes: SessionWrites, draft: SessionDraft): void {
  let fullest: readonly [string, SessionState] | undefined;
  for (const entry of draft.all()) if (entry[1].bytes > (fullest?.[1].bytes ?? 0)) fullest = entry;
  if (!fullest) return;
  const [client, { bytes, messages }] = fullest;
  const before = Number(writes.lastSessionMessage.get(client)?.id ?? 0);
  makeRoom(writes, draft, { client, before, caps: { messages, bytes: Math.max(0, bytes - roomBytes) } });
}

function settle(writes: SessionWrites, draft: SessionDraft, { client, ids }: Of<'settle'>): void {
  const state = draft.of(client);
  if (!state) return;
  let { messages, bytes } = state;
  for (const id of ids) {
    const row = writes.deleteSessionMessage.get(id, client);
    if (!row) continue;
    messages -= 1;
    bytes -= Number(row.size);
  }
  draft.put(client, { ...state, messages, bytes });
}

function release(writes: SessionWrites, draft: SessionDraft, { client, id }: Of<'release'>): void {
  const state = draft.of(client);
  const before = Number(writes.sessionMessageSize.get(id, client)?.size ?? 0);
  const size = messageBytes({ topic: '', payload: new Uint8Array() });
  if (!state || writes.releaseSessionMessage.run(size, id, client).changes === 0) return;
  draft.put(client, { ...state, bytes: state.bytes - before + size });
}

/** Once a transaction. */
export function writeSessions(writes: SessionWrites, draft: SessionDraft): void {
  for (const [client, state] of draft.changed) {
    if (state) writes.putSession.run(client, state.name, state.away, state.dropped);
    else writes.endSession.run(client);
  }
}
