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
