import type { Counts } from './ledger.ts';
import type { StreamPolicy } from './stream-operations.ts';

/** Every message up to this number was read by all that read the stream; by nobody: all of them. */
export function readUpTo(
  counts: Pick<Counts, 'stream' | 'consumer'>,
  stream: string,
  { relayed, consumers }: Pick<StreamPolicy, 'relayed' | 'consumers'>,
): number {
  const { ackedSeq, lastSeq } = counts.stream(stream);
  const cursors = consumers.map((name) => counts.consumer(stream, name)?.seq ?? 0);
  return Math.min(lastSeq, ...cursors, ...(relayed ? [ackedSeq] : []));
}
