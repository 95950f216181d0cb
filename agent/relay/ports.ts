import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';

/** The way up to the cloud, as the relay needs it. */
export type UplinkPort = {
  readonly connected: boolean;
  /** Resolves when the broker took the bytes (PUBACK); rejects when the link is lost. The cloud's own ack comes later. */
  sendRelay(payload: Uint8Array): Promise<void>;
  /** Calls back for every ack; returns what ends it. */
  onRelayAck(listener: (ack: RelayAck) => void): () => void;
  onConnectionChange(listener: (connected: boolean) => void): () => void;
  /**
   * Calls back when the cloud turns out to know more of this device than its disk does: the numbers on it may have been used. The link
   * opens, and it counts as dealt with, once all that was called has resolved.
   */
  onOlderDisk(listener: () => Promise<void>): () => void;
};
