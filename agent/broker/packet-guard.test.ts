import { duplexPair, type Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import { OutgoingBudget } from './outgoing-budget.ts';
import { PacketGuard } from './packet-guard.ts';

const limits = {
  ...{ maxConnectBytes: 100, maxPacketBytes: 1000, peer: { address: undefined } },
  ...{ outgoing: new OutgoingBudget(), onOpen: () => undefined },
};

function guarded(): { guard: PacketGuard; peer: Duplex; received: () => string; failure: () => string } {
  const [near, peer] = duplexPair();
  const guard = new PacketGuard(near, limits);
  const chunks: Buffer[] = [];
  let failure = '';
  guard.on('data', (chunk: Buffer) => chunks.push(chunk));
  guard.on('error', (error) => (failure = error.message));
  return { guard, peer, received: () => Buffer.concat(chunks).toString('hex'), failure: () => failure };
}
const settle = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));

const connect = Buffer.from([0x10, 3, 1, 2, 3]);
const publish = Buffer.from([0x30, 2, 7, 8]);

test('CONNECT passes; what follows waits until the peer is known, then passes in order', async () => {
  const { guard, peer, received } = guarded();
  peer.write(Buffer.concat([connect, publish]));
  peer.write(publish);
  await settle();
  expect(received()).toBe(connect.toString('hex'));
  guard.open();
  await settle();
  expect(received()).toBe(Buffer.concat([connect, publish, publish]).toString('hex'));
});

test('packets may come a byte at a time', async () => {
  const { guard, peer, received } = guarded();
  guard.open();
  for (const byte of Buffer.concat([connect, publish, Buffer.from([0xc0, 0])]))
    peer.write(Buffer.from([byte]));
  await settle();
  expect(received()).toBe(`${connect.toString('hex')}${publish.toString('hex')}c000`);
});

test.each([
  ['another packet before CONNECT', [0x30, 2, 0, 0], 'not CONNECT'],
  ['a CONNECT that is too large', [0x10, 101], '101 bytes'],
  ['a length that does not end', [0x10, 0x80, 0x80, 0x80, 0x80], 'malformed'],
  ['a later packet that is too large', [...connect, 0x30, 0xe9, 0x07], '1001 bytes'],
])('%s ends the connection before its body is read', async (_what, bytes, problem) => {
  const { guard, peer, failure } = guarded();
  guard.open();
  peer.write(Buffer.from(bytes));
  await settle();
  expect(failure()).toContain(problem);
  expect(guard.destroyed).toBe(true);
});

test('the largest packet passes', async () => {
  const { guard, peer, received } = guarded();
  guard.open();
  peer.write(Buffer.concat([connect, Buffer.from([0x30, 0xe8, 0x07]), Buffer.alloc(1000), publish]));
  await settle();
  expect(received().length).toBe(2 * (connect.length + 1003 + publish.length));
});

test('what is written in one turn of the event loop reaches the peer in one piece, in order', async () => {
  const { guard, peer } = guarded();
  const pieces: string[] = [];
  peer.on('data', (chunk: Buffer) => pieces.push(chunk.toString('latin1')));
  guard.write(Buffer.from([0x40]));
  guard.write('topic', 'utf8');
  guard.write(Buffer.from('\n'));
  await settle();
  guard.write('next');
  await settle();
  expect(pieces).toEqual(['@topic\n', 'next']);
});

test.each([
  ['destroyed', 'refused', (guard: PacketGuard) => void guard.destroy()],
  ['ended', 'refused', (guard: PacketGuard) => void guard.end()],
  ['ended with a last word', 'refused!', (guard: PacketGuard) => void guard.end('!')],
])('what was written before the connection is %s reaches the peer', async (_how, expected, finish) => {
  const { guard, peer } = guarded();
  let received = '';
  peer.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  guard.write('refused');
  finish(guard);
  await settle();
  expect(received).toBe(expected);
});

test('a part of a packet that is no bytes is refused when it is written', async () => {
  const { guard, failure } = guarded();
  const missing = undefined as unknown as Buffer;
  guard.write('part');
  expect(() => guard.write(missing)).toThrow(/chunk/);
  await settle();
  expect(failure()).toBe('');
});

test('a writer is told to wait for a peer that does not read, and when it may go on', async () => {
  const { guard, peer } = guarded();
  const piece = Buffer.alloc(2 ** 18);
  let written = 0;
  while (guard.write(piece) && written < 64) {
    written++;
    await settle();
  }
  expect(written).toBeLessThan(64);
  let drained = false;
  guard.once('drain', () => (drained = true));
  await settle();
  expect(drained).toBe(false);
  peer.resume();
  for (let turn = 0; turn < 100; turn++) await settle();
  expect(drained).toBe(true);
  guard.destroy();
});
