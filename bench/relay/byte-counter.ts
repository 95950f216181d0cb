import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP proxy to a port of this machine that counts what it passes on, in both directions. */
export class ByteCounter implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #count: { bytes: number };

  private constructor(server: Server, sockets: Set<Socket>, count: { bytes: number }) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
    this.#count = count;
  }

  static async open(targetPort: number): Promise<ByteCounter> {
    const sockets = new Set<Socket>();
    const count = { bytes: 0 };
    const server = createServer((inbound) => {
      const outbound = connect(targetPort, '127.0.0.1');
      for (const [socket, peer] of [
        [inbound, outbound],
        [outbound, inbound],
      ] as const) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('data', (chunk: Buffer) => (count.bytes += chunk.byteLength));
        socket.on('error', () => peer.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          peer.destroy();
        });
        socket.pipe(peer);
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new ByteCounter(server, sockets, count);
  }

  /** Payload of TCP segments so far, without their headers. */
  get bytes(): number {
    return this.#count.bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
