import type { Socket } from 'node:net';

/** [MQTT-3.1.2-24] */
const deadAfter = 1.5;
const lookEveryMs = 100;
/** What one look counts at most: while the event loop was held up, nothing could be heard from anybody. */
const longestLookMs = 500;

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
  readonly #watched = new Map<Watched, { bytes: number; silentMs: number }>();
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;
  #lookedAt: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lookedAt = now();
    this.#timer = setInterval(() => this.look(), lookEveryMs);
    this.#timer.unref();
  }

  /** Until its socket is closed. */
  watch(watched: Watched): void {
    this.#watched.set(watched, { bytes: watched.socket.bytesRead, silentMs: 0 });
    watched.socket.once('close', () => this.#watched.delete(watched));
  }

  /** Looks at all of them; done regularly by itself. */
  look(): void {
    const now = this.#now();
    const passedMs = Math.min(now - this.#lookedAt, longestLookMs);
    this.#lookedAt = now;
    for (const [watched, heard] of this.#watched) {
      const { bytesRead } = watched.socket;
      if (bytesRead !== heard.bytes || watched.isBusy()) {
        heard.bytes = bytesRead;
        heard.silentMs = 0;
        continue;
      }
      heard.silentMs += passedMs;
      if (heard.silentMs <= watched.keepAliveMs * deadAfter) continue;
      this.#watched.delete(watched);
      watched.onSilent();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
