/** Gives the text of bytes that come in pieces; `last` with the final one. Throws TypeError for invalid bytes when fatal. */
export type Decoder = { decode(bytes: Uint8Array, last: boolean): string };
