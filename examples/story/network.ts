import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * The network between the device and the cloud: TCP proxies that can be cut and joined again. Cut, it resets what is
 * open and accepts nothing, as an unplugged cable does once the peers have noticed.
 */
export class Network implements AsyncDisposable {
  readonly #links: { readonly server: Server; readonly port: number }[] = [];
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  /** Opens a way to `127.0.0.1:target`; resolves with the port to connect to. */
  async addLink(target: number): Promise<number> {
    const server = createServer((inbound) => this.#join(inbound, target));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
    this.#links.push({ server, port: address.port });
    return address.port;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#links.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  }

  #join(inbound: Socket, target: number): void {
    if (this.#isCut) {
      inbound.resetAndDestroy();
      return;
    }
    const outbound = connect(target, '127.0.0.1');
    for (const [socket, peer] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => peer.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        peer.destroy();
      });
      socket.pipe(peer);
    }
  }
}

/**
 * A port free at this moment, below the range from which the kernel takes ports for outgoing connections, so that a
 * restarted process finds its port free again.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error('No free port between 20000 and 32000 on 127.0.0.1');
}
