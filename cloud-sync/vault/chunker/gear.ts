import { hkdfSync } from 'node:crypto';
import { masterKeyBytes, type MasterKey } from '../format/master-key.ts';

/** A random number for each value of a byte: what decides, for one repository, where files are cut. */
export type Gear = Int32Array;

/**
 * Derived from the repository's secret: who has no key cannot tell from the lengths of blobs whether a known file is in the repository,
 * for the same file is cut elsewhere in each repository. Always the same for one key, or no blob would be found again.
 */
export function gearOf(key: MasterKey): Gear {
  return gearOfBytes(hkdfSync('sha256', masterKeyBytes(key), '', 'holdfast chunker 1', gearBytes));
}

export const gearBytes = 4 * 256;

/** Of `gearBytes` bytes that look random. */
export function gearOfBytes(random: ArrayBuffer): Gear {
  const view = new DataView(random);
  return Int32Array.from({ length: 256 }, (_, value) => view.getInt32(4 * value, true));
}
