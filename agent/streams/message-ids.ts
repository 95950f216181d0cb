/** The last number of a stream: at 10,000 messages a second it is reached after fourteen years. */
export const maxSeq = 2 ** 42 - 1;
/** Streams that can hold messages at a time, whether or not the manifest has them still. */
export const maxStreams = 2 ** 11 - 1;

/**
 * The row of a message: those of a stream lie side by side in their order, and every id is exact in a JavaScript number.
 * A `seq` that no stream can have stands for the nearest one, so that no range reaches into another stream.
 */
export function messageId(streamNumber: number, seq: number): number {
  return streamNumber * (maxSeq + 1) + Math.min(Math.max(seq, 0), maxSeq);
}

/** The same in SQL, the other way round. */
export const seqColumn = `id & ${maxSeq} AS seq`;
