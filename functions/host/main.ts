import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { splitLoad } from './bundle-files.ts';
import { BlankIsolates } from './blank-isolates.ts';
import { FrameWriter } from './frame-writer.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { openInside } from './inside-snapshot.ts';
import { guardMemory } from './memory-guard.ts';
import type { FromHost, ToHost } from './protocol.ts';
import { LoadError } from './room.ts';
import type { Cost, Outcome, TenantEvents } from './tenant-events.ts';
import { Tenant } from './tenant.ts';

/**
 * The process that runs untrusted code: `main.ts SCRIPT SNAPSHOT`, what runs inside isolates first. It has no environment, no network and, once its own code is loaded, no file system;
 * it talks by file descriptor 3 only and ends when that closes. Started by `functions/runtime`. [G6]
 */
const channelFd = 3;

function main(): void {
  const [, , script = '', snapshot = ''] = process.argv;
  const inside = openInside(script, snapshot);
  dropPermissions();
  const socket = new Socket({ fd: channelFd, readable: true, writable: true });
  const reader = new FrameReader();
  const tenants = new Map<number, Tenant>();
  const owners = new Map<number, Tenant>();
  const isQuiet = () => owners.size === 0 && ![...tenants.values()].some(({ isBusy }) => isBusy);
  const blanks = new BlankIsolates({ inside, isQuiet });
  const writer = new FrameWriter(socket);
  const send: Send = (header, body) => writer.send(header, body);
  const sendAtOnce: Send = (header, body) => writer.sendAtOnce(header, body);
  socket.on('data', (chunk: Buffer) => {
    writer.heard();
    for (const { header, json, body } of reader.push(chunk)) {
      receive(header as ToHost, { json, body }, { blanks, tenants, owners, send, sendAtOnce });
    }
  });
  // The agent is gone. A stuck isolate would hold back an ordinary exit.
  socket.on('close', () => process.kill(process.pid, 'SIGKILL'));
  socket.on('error', () => process.kill(process.pid, 'SIGKILL'));
  guardMemory({
    grantedBytes: () => [...tenants.values()].reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    busy: () => new Map([...tenants].flatMap(([slot, tenant]) => [...tenant.busyIsolates(slot)])),
    onExceeded: gasp,
  });
  send({ type: 'ready' });
}

/** Without a culprit the agent has to find out. */
function gasp(heldBytes: number, culprit: number | undefined): void {
  if (culprit !== undefined) lastWords(culprit, `the process holds ${heldBytes} bytes`, false);
  process.kill(process.pid, 'SIGKILL');
}

/** Past the event loop, which may never turn again. */
function lastWords(slot: number, message: string, answered: boolean): void {
  writeSync(channelFd, encodeFrame({ type: 'gasp', slot, message, answered } satisfies FromHost));
}

type Send = (header: FromHost, body?: Uint8Array | string) => void;

type Rooms = {
  readonly blanks: BlankIsolates;
  readonly tenants: Map<number, Tenant>;
  readonly owners: Map<number, Tenant>;
  readonly send: Send;
  readonly sendAtOnce: Send;
};

function receive(
  message: ToHost,
  { json, body }: { readonly json: string; readonly body: Uint8Array },
  rooms: Rooms,
): void {
  const { tenants, owners, send } = rooms;
  switch (message.type) {
    case 'load': {
      load(message, body, rooms);
      return;
    }
    case 'unload':
      tenants.get(message.slot)?.dispose();
      tenants.delete(message.slot);
      return;
    case 'invoke': {
      const tenant = tenants.get(message.slot);
      const { invocation, event, timeoutMs } = message;
      if (!tenant) {
        send({
          type: 'failed',
          invocation,
          cpuMs: 0,
          coldStart: false,
          failure: { code: 'isolateLost', message: 'The function is not loaded' },
        });
        return;
      }
      owners.set(invocation, tenant);
      tenant.invoke({ invocation, json, kind: event.kind, payload: body, timeoutMs });
      return;
    }
    case 'reply': {
      const { invocation, call, ...rest } = message;
      const bytes = message.ok && message.bytes ? body : undefined;
      const answer = message.ok
        ? `{"ok":true${message.json === undefined ? '' : `,"json":${message.json}`}}`
        : JSON.stringify(rest);
      return owners.get(invocation)?.reply(invocation, call, answer, bytes);
    }
    case 'cancel':
      return owners.get(message.invocation)?.cancel(message.invocation);
    default:
      message satisfies never;
  }
}

function load(
  {
    slot,
    name,
    memoryBytes,
    cpuMs,
    resultBytes,
    bindings,
    secrets,
    files,
  }: Extract<ToHost, { type: 'load' }>,
  body: Uint8Array,
  rooms: Rooms,
): void {
  const tenant = new Tenant({
    name,
    ...splitLoad(body, files),
    blanks: rooms.blanks,
    isAlone: () => rooms.tenants.size === 1,
    memoryBytes,
    cpuMs,
    bindings,
    secrets,
    resultBytes,
    events: events(slot, rooms),
  });
  rooms.tenants.set(slot, tenant);
  tenant.load().then(
    (handlers) => rooms.send({ type: 'loaded', slot, handlers }),
    (error: unknown) => {
      if (!(error instanceof LoadError)) throw error;
      rooms.tenants.delete(slot);
      rooms.send({ type: 'loadFailed', slot, failure: error.failure });
    },
  );
}

function events(slot: number, { owners, send, sendAtOnce }: Rooms): TenantEvents {
  return {
    ended(invocation, outcome) {
      owners.delete(invocation);
      const tell = owners.size === 0 ? sendAtOnce : send;
      tell(...ending(invocation, outcome));
    },
    called: send,
    logged: (invocation, level, message) => send({ type: 'log', invocation, level, message }),
    catastrophe(message, answered) {
      // V8 has suspended the isolate's thread for good: say who it was, and go.
      lastWords(slot, message, answered);
      process.kill(process.pid, 'SIGKILL');
    },
    overdue() {
      lastWords(slot, 'it did not stop when it was told to', true);
      process.kill(process.pid, 'SIGKILL');
    },
  };
}

function ending(invocation: number, outcome: Outcome & Cost): [FromHost, (Uint8Array | string)?] {
  const { cpuMs, coldStart } = outcome;
  const cost = { invocation, cpuMs, coldStart };
  if ('failure' in outcome) return [{ type: 'failed', ...cost, failure: outcome.failure }];
  if ('response' in outcome) return [{ type: 'result', ...cost, response: outcome.response }, outcome.body];
  return [{ type: 'result', ...cost }, outcome.json];
}

function dropPermissions(): void {
  // Absent when the host is started by hand without --permission.
  const permission = process.permission as { drop?: (scope: string) => void } | undefined;
  permission?.drop?.('fs.read');
  permission?.drop?.('addons');
}

main();
