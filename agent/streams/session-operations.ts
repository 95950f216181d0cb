/** Changes of what the local broker remembers of its clients. `client` is the client's id, made unique by its user name. */
export type SessionOperation =
  /** A client is here; its session is made where there is none. */
  | { readonly op: 'openSession'; readonly client: string; readonly name: string }
  /** It went at `time`, milliseconds since 1970: what comes for it waits. */
  | { readonly op: 'leaveSession'; readonly client: string; readonly time: number }
  /** Forgets a session and everything in it. */
  | { readonly op: 'endSession'; readonly client: string }
  | {
      readonly op: 'subscribe';
      readonly client: string;
      readonly subscriptions: readonly SessionSubscription[];
    }
  | { readonly op: 'unsubscribe'; readonly client: string; readonly filters: readonly string[] }
  /** Queues a message for a session; of one that has more than `caps` the oldest go. Nothing happens without the session. */
  | {
      readonly op: 'deliver';
      readonly client: string;
      readonly message: SessionContent;
      readonly caps: SessionCaps;
    }
  /** The client has these messages. */
  | { readonly op: 'settle'; readonly client: string; readonly ids: readonly number[] }
  /** The client has received this one (QoS 2) and is told to release it. */
  | { readonly op: 'release'; readonly client: string; readonly id: number }
  /** The packet identifier of a QoS 2 message that was taken, until the client releases it. */
  | { readonly op: 'receive'; readonly client: string; readonly packet: number }
  | { readonly op: 'complete'; readonly client: string; readonly packet: number }
  | {
      readonly op: 'putWill';
      readonly client: string;
      readonly name: string;
      readonly message: SessionContent;
    }
  | { readonly op: 'forgetWill'; readonly client: string };

export type SessionSubscription = { readonly filter: string; readonly qos: 0 | 1 | 2 };

export type SessionContent = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
};

/** The newest message stays whatever its size. */
export type SessionCaps = { readonly messages: number; readonly bytes: number };

/** A message in a session. `packet` is its packet identifier, the same at every delivery [MQTT-4.4.0-1]. */
export type SessionMessage = SessionContent & {
  /** Rises in the order of delivery. */
  readonly id: number;
  readonly packet: number;
  /** The client has it and has yet to say that it forgot its identifier (QoS 2). */
  readonly released: boolean;
};

export type StoredWill = { readonly client: string; readonly name: string; readonly message: SessionContent };

/** All sessions of all clients together. */
export const maxSessionBytes = 256 * 2 ** 20;
