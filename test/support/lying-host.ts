import { Socket } from 'node:net';

/**
 * A host process that was taken over: it speaks the protocol, and says what its function's name tells it to. It imports nothing of the
 * project, because a host may read its own folder only. Frames: `functions/host/frames.ts`.
 */
type Message = { type: string; slot: number; name: string; invocation: number };

const socket = new Socket({ fd: 3, readable: true, writable: true });
const lies = new Map<number, string>();

function frame(header: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const json = Buffer.from(header);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(4 + json.length + body.length, 0);
  head.writeUInt32BE(json.length, 4);
  return Buffer.concat([head, json, body]);
}

const say = (header: object, body?: Buffer) => socket.write(frame(JSON.stringify(header), body));
const end = { cpuMs: 0, coldStart: false };

function lie(what: string, invocation: number): void {
  const result = (value: unknown) =>
    say({ type: 'result', invocation, ...end }, Buffer.from(JSON.stringify(value)));
  const call = { type: 'call', invocation, call: 1, binding: 'OUT', method: 'publish', args: {} };
  switch (what) {
    case 'junk':
      socket.write(Buffer.alloc(64, 0xff));
      return;
    case 'no-json':
      socket.write(frame('{"type":'));
      return;
    case 'unknown':
      say({ type: 'obey', invocation });
      return;
    case 'more':
      say({ type: 'result', invocation, ...end, __proto__: null, admin: true });
      return;
    case 'negative':
      say({ type: 'result', invocation, ...end, cpuMs: -1e9 });
      return;
    case 'deep':
      socket.write(frame(`{"type":"call","args":${'['.repeat(400_000)}${']'.repeat(400_000)}}`));
      return;
    case 'endless-frame':
      socket.write(Buffer.from([0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 4]));
      return;
    case 'split-header':
      say({
        type: 'result',
        invocation,
        ...end,
        response: { status: 200, headers: [['a', 'b\r\nset-cookie: x']] },
      });
      return;
    case 'huge-result':
      say({ type: 'result', invocation, ...end }, Buffer.alloc(7 * 2 ** 20, 0x20));
      return;
    case 'silent':
      return;
    case 'calls':
      for (let n = 1; n <= 20_000; n++) say({ ...call, call: n });
      result('called');
      return;
    case 'logs':
      for (let n = 0; n < 20_000; n++)
        say({ type: 'log', invocation, level: 'info', message: 'x'.repeat(1000) });
      result('logged');
      return;
    case 'others':
      for (let other = 0; other < 1000; other++)
        say({ type: 'result', invocation: invocation + 1 + other, ...end }, Buffer.from('"mine"'));
      result('own');
      return;
    default:
      // A binding and a method: `call:OTHER:get`.
      if (what.startsWith('call-')) {
        const [, binding = '', method = ''] = what.split('-');
        say({
          ...call,
          binding: binding === 'out' ? 'OUT' : binding,
          method,
          args: { key: 'k', topic: 'elsewhere', url: 'https://x.example/' },
        });
      }
  }
}

let rest: Buffer = Buffer.alloc(0);
socket.on('data', (chunk: Buffer) => {
  rest = Buffer.concat([rest, chunk]);
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
    const length = rest.readUInt32BE(0);
    const header = rest.toString('utf8', 8, 8 + rest.readUInt32BE(4));
    rest = rest.subarray(4 + length);
    receive(JSON.parse(header) as Message & { ok: boolean; code?: string });
  }
});
socket.on('close', () => process.kill(process.pid, 'SIGKILL'));

function receive(message: Message & { ok: boolean; code?: string }): void {
  switch (message.type) {
    case 'load':
      lies.set(message.slot, message.name);
      say({ type: 'loaded', slot: message.slot, handlers: ['invoke'] });
      return;
    case 'invoke':
      lie(lies.get(message.slot) ?? '', message.invocation);
      return;
    case 'reply':
      say(
        { type: 'result', invocation: message.invocation, ...end },
        Buffer.from(JSON.stringify({ ok: message.ok, code: message.code })),
      );
  }
}

say({ type: 'ready' });
