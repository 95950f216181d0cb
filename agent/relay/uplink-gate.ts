import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';
import type { UplinkPort } from './ports.ts';

export type UplinkGateOptions = {
  /** Opens by itself when a connection has lasted so long without an answer. Default 30 s: a report is sent again before. */
  readonly patienceMs?: number;
};

/**
 * The link to the cloud as the relay gets it: not before the cloud has answered a report, which tells whether this disk is older than
 * what was once sent from it. Messages with numbers that were used already would be taken for those that the cloud has. [G5] A cloud that
 * does not answer holds them up for a while, no longer.
 */
export class UplinkGate implements UplinkPort, Disposable {
  readonly #link: Omit<UplinkPort, 'onOlderDisk'>;
  readonly #connectionListeners = new Set<(connected: boolean) => void>();
  readonly #olderListeners = new Set<() => Promise<void>>();
  readonly #unlisten: () => void;
  readonly #patienceMs: number;
  #isOpen = false;
  /** `found`: not yet dealt with, which may take an answer more. */
  #olderDisk: 'unknown' | 'found' | 'dealtWith' = 'unknown';
  #timer: NodeJS.Timeout | undefined;

  constructor(link: Omit<UplinkPort, 'onOlderDisk'>, { patienceMs = 30_000 }: UplinkGateOptions = {}) {
    this.#link = link;
    this.#patienceMs = patienceMs;
    this.#unlisten = link.onConnectionChange((connected) => this.#changed(connected));
  }

  get connected(): boolean {
    return this.#isOpen && this.#link.connected;
  }

  /**
   * What the cloud's answer to a report tells. A disk that was older is so once: its numbers are new ones then. Rejects as a listener does,
   * and stays closed until an answer by which none did.
   */
  async answered({ isOlder }: { readonly isOlder: boolean }): Promise<void> {
    if (isOlder && this.#olderDisk !== 'dealtWith') {
      this.#olderDisk = 'found';
      this.#close();
      await Promise.all([...this.#olderListeners].map((listener) => listener()));
      this.#olderDisk = 'dealtWith';
    }
    if (this.#olderDisk !== 'found') this.#open();
  }

  sendRelay(payload: Uint8Array): Promise<void> {
    return this.#link.sendRelay(payload);
  }

  onRelayAck(listener: (ack: RelayAck) => void): () => void {
    return this.#link.onRelayAck(listener);
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    this.#connectionListeners.add(listener);
    return () => this.#connectionListeners.delete(listener);
  }

  onOlderDisk(listener: () => Promise<void>): () => void {
    this.#olderListeners.add(listener);
    return () => this.#olderListeners.delete(listener);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#unlisten();
  }

  #changed(connected: boolean): void {
    if (this.#isOpen) for (const listener of this.#connectionListeners) listener(connected);
    else {
      clearTimeout(this.#timer);
      if (connected && this.#olderDisk !== 'found')
        this.#timer = setTimeout(() => this.#open(), this.#patienceMs).unref();
    }
  }

  /** Also after it had opened: its patience came to an end, or a copy of the disk was used meanwhile. */
  #close(): void {
    clearTimeout(this.#timer);
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const listener of this.#connectionListeners) listener(false);
  }

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    clearTimeout(this.#timer);
    if (this.#link.connected) for (const listener of this.#connectionListeners) listener(true);
  }
}
