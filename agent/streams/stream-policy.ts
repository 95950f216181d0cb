import type { StreamSpec } from '../../manifests/data.ts';
import type { StreamPolicy } from './operations.ts';

/** Nothing grows for ever, a stream without `keep` neither. */
const defaultBytes = 2 ** 30;

/** How a stream of the manifest is kept. Without `keep`, what the cloud has needs no second place here. */
export function streamPolicy({ keep, relay }: StreamSpec): StreamPolicy {
  return {
    maxBytes: keep.bytes ?? defaultBytes,
    maxAgeMs: keep.age,
    relayed: relay !== undefined,
    keepRelayed: relay === undefined || keep.bytes !== undefined || keep.age !== undefined,
  };
}
