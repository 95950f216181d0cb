import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TokenBucket } from '../../lib/token-bucket.ts';

export type ShapedLink = AsyncDisposable & {
  readonly port: number;
  /** Bytes that went from the server to clients since the start. */
  readonly bytesDown: number;
};

const stepMs = 10;

/** A TCP proxy on loopback through which at most so much goes in each direction, over all connections together. */
export async function openShapedLink(target: number, bitsPerSecond: number): Promise<ShapedLink> {
  const perStep = Math.round((bitsPerSecond / 8 / 1000) * stepMs);
  const [up, down] = [0, 1].map(() => new TokenBucket({ count: perStep, perMs: stepMs })) as [
    TokenBucket,
    TokenBucket,
  ];
  let bytesDown = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    void carry(near, far, up, () => undefined);
    void carry(far, near, down, (bytes) => (bytesDown += bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get bytesDown() {
      return bytesDown;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function carry(
  from: Socket,
  to: Socket,
  bucket: TokenBucket,
  onBytes: (bytes: number) => void,
): Promise<void> {
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let waitMs = bucket.waitMs(); waitMs > 0; waitMs = bucket.waitMs()) await sleep(waitMs);
      bucket.spend(chunk.byteLength);
      onBytes(chunk.byteLength);
      if (!to.write(chunk)) await once(to, 'drain');
    }
    to.end();
  } catch {
    to.destroy();
  }
}
