import type { Socket } from 'node:net';

/** [MQTT-3.1.2-24] */
const deadAfter = 1.5;
const lookEveryMs = 100;

export type Watched = {
  readonly socket: Pick<Socket, 'bytesRead' | 'once'>;
  readonly keepAliveMs: number;
  /** Whether something it sent is still being worked on: its socket is not read meanwhile. */
  readonly isBusy: () => boolean;
  readonly onSilent: () => void;
};

/**
 * Ends connections over which nothing came for one and a half of their keep-alive. Bytes count, not packets: a batch that takes
 * longer than that on a slow line is no silence.
 */
export class SilenceGuard implements Disposable {
  readonly #watched = new Map<Watched, { bytes: number; heardAt: number }>();
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#timer = setInterval(() => this.look(), lookEveryMs);
    this.#timer.unref();
  }

  /** Until its socket is closed. */
  watch(watched: Watched): void {
    this.#watched.set(watched, { bytes: watched.socket.bytesRead, heardAt: this.#now() });
    watched.socket.once('close', () => this.#watched.delete(watched));
  }

  /** Looks at all of them; done regularly by itself. */
  look(): void {
    const now = this.#now();
    for (const [watched, heard] of this.#watched) {
      const { bytesRead } = watched.socket;
      if (bytesRead !== heard.bytes || watched.isBusy()) {
        heard.bytes = bytesRead;
        heard.heardAt = now;
      } else if (now - heard.heardAt > watched.keepAliveMs * deadAfter) {
        this.#watched.delete(watched);
        watched.onSilent();
      }
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
