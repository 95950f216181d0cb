import { Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import { dropSlowReader } from './slow-reader.ts';

/** A socket whose peer takes a chunk when it is told to. */
class FakeSocket extends Duplex {
  bytesTaken = 0;
  accept: (() => void) | undefined;

  get bytesWritten(): number {
    return this.bytesTaken + this.writableLength;
  }

  override _read(): void {
    // Nothing comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.accept = () => {
      this.bytesTaken += chunk.length;
      done();
    };
  }
}

function setUp({ maxWaitingBytes = 1000, stallMs = 60_000 } = {}) {
  const socket = new FakeSocket({ writableHighWaterMark: 10 });
  socket.on('error', () => undefined);
  dropSlowReader(socket as never, { maxWaitingBytes, stallMs });
  return socket;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('nobody is asked to wait, and who leaves too much unread is disconnected', () => {
  const socket = setUp();
  for (let n = 0; n < 10; n++) expect(socket.write(Buffer.alloc(100))).toBe(true);
  expect([socket.destroyed, socket.writableNeedDrain]).toEqual([false, true]);
  expect(socket.write(Buffer.alloc(1))).toBe(true);
  expect(socket.destroyed).toBe(true);
});

test('who takes something now and then stays, and who takes nothing more does not', async () => {
  const socket = setUp({ stallMs: 400 });
  for (let n = 0; n < 10; n++) socket.write(Buffer.alloc(50));
  for (let n = 0; n < 6; n++) {
    await pause(100);
    socket.accept?.();
  }
  expect(socket.destroyed).toBe(false);
  while (!socket.destroyed) await pause(20);
});

test('who has read everything may be silent', async () => {
  const socket = setUp({ stallMs: 20 });
  socket.write(Buffer.alloc(50));
  socket.accept?.();
  await pause(100);
  expect(socket.destroyed).toBe(false);
});
