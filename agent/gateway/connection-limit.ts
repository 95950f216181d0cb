import type { Socket } from 'node:net';
import { clientKey } from './client-key.ts';
import { isLoopback } from './local-access.ts';

/** Counts the connections of each client and closes those beyond `max`. This machine's own are not counted. */
export class ConnectionLimit {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  admit(socket: Socket): void {
    const { remoteAddress } = socket;
    // Undefined: it is gone already.
    if (remoteAddress === undefined || isLoopback(remoteAddress)) return;
    const key = clientKey(remoteAddress);
    const open = this.#open.get(key) ?? 0;
    if (open >= this.#max) {
      socket.destroy();
      return;
    }
    this.#open.set(key, open + 1);
    socket.once('close', () => this.#leave(key));
  }

  #leave(key: string): void {
    const left = (this.#open.get(key) ?? 1) - 1;
    if (left === 0) this.#open.delete(key);
    else this.#open.set(key, left);
  }
}
