/** Largest payload of a message on this device: its base64 form and a topic must fit in one relay batch. */
export const maxPayloadBytes = 512 * 1024;
export const maxTopicBytes = 1024;

/** Key-value stores: bytes of a key, of a value, and of a whole store. */
export const maxKeyBytes = 512;
export const maxValueBytes = 2 ** 20;
export const maxStoreBytes = 256 * 2 ** 20;

export const maxRetainedTopics = 10_000;
export const maxRetainedBytes = 64 * 2 ** 20;

/** A message as it comes from outside. */
export type IncomingMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly contentType?: string;
  /** The bridge it came in over. */
  readonly origin?: string | undefined;
};
