import type { Payload, Text } from './types.ts';

/** UTF-8 that came as text. */
export function textPayload(text: Text, body: string): Payload {
  return { isText: true, text: () => body, bytes: () => text.encode(body) };
}

export function bytesPayload(text: Text, body: Uint8Array): Payload {
  return { isText: false, text: () => text.decode(body), bytes: () => body };
}
