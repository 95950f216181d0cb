import type { AedesPublishPacket, Client } from 'aedes';

/** What aedes 1.2 makes of a client and leaves out of its types; only these are used. */
export type AedesClient = Client & {
  /** By filter. */
  readonly subscriptions: Readonly<Record<string, object>>;
  /** Sends a packet at its QoS, after `authorizeForward`. The callback comes once it is written. */
  deliverQoS(packet: object, written: () => void): void;
};

/** A message that a session's own queue sends. */
export type FedPacket = AedesPublishPacket & { readonly fed: true };

export function isFed(packet: object): packet is FedPacket {
  return 'fed' in packet;
}

/** The name in the manifest of the client with this id. */
export function nameOf(clientId: string): string {
  return clientId.slice(0, clientId.indexOf('/'));
}
