import type { StreamSpec } from '../../manifests/data.ts';
import type { StreamPolicy } from './stream-operations.ts';

/** Nothing grows for ever, a stream without `keep` neither. */
const defaultBytes = 2 ** 30;

/**
 * How a stream of the manifest is kept; `others` read it besides its own consumers. Without `keep`, what all readers had
 * needs no place here; without readers, or in a compacted stream, it stays as long as there is room.
 */
export function streamPolicy(
  { keep, relay, consumers, compact }: StreamSpec,
  others: readonly string[] = [],
): StreamPolicy {
  const readers = [...consumers, ...others];
  const unread = relay === undefined && readers.length === 0;
  return {
    maxBytes: keep.bytes ?? defaultBytes,
    relayed: relay !== undefined,
    consumers: readers,
    keepRead: unread || compact !== undefined || keep.bytes !== undefined || keep.age !== undefined,
  };
}
