import type { Socket } from 'node:net';

export type ConnectionLimitsOptions = {
  readonly connections: number;
  readonly perAddress: number;
  /** Without a credential yet. The one that waits longest gives way. */
  readonly unauthenticated: number;
};

const defaults: ConnectionLimitsOptions = { connections: 1024, perAddress: 512, unauthenticated: 256 };

export type Admitted = {
  /** The peer proved who it is. */
  readonly authenticated: () => void;
};

/** How many connections there may be, over all listeners. */
export class ConnectionLimits {
  readonly #limits: ConnectionLimitsOptions;
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  /** Oldest first. */
  readonly #strangers = new Set<Socket>();

  constructor(limits: Partial<ConnectionLimitsOptions> = {}) {
    this.#limits = { ...defaults, ...limits };
  }

  get count(): number {
    return this.#sockets.size;
  }

  /** Undefined when the connection was refused, by ending it. */
  admit(socket: Socket): Admitted | undefined {
    const { connections, perAddress, unauthenticated } = this.#limits;
    const address = socket.remoteAddress ?? '';
    const own = this.#perAddress.get(address) ?? 0;
    if (this.#sockets.size >= connections || own >= perAddress) {
      socket.destroy();
      return undefined;
    }
    this.#sockets.add(socket);
    this.#perAddress.set(address, own + 1);
    this.#strangers.add(socket);
    socket.once('close', () => this.#forget(socket, address));
    const [longest] = this.#strangers;
    if (this.#strangers.size > unauthenticated && longest) {
      this.#strangers.delete(longest);
      longest.destroy();
    }
    return { authenticated: () => this.#strangers.delete(socket) };
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #forget(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    this.#strangers.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}
