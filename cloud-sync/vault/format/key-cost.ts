import { SyncError } from '../../errors.ts';

/** Parameters of scrypt: memory is 128·N·r bytes, time grows with N·r·p. */
export type KeyCost = { readonly N: number; readonly r: number; readonly p: number };

/** For what people type: 32 MiB and about 0.1 s. */
export const passphraseCost: KeyCost = { N: 2 ** 15, r: 8, p: 1 };
/** For random secrets of 128 bits or more, which nobody can try: 1 MiB. */
export const secretCost: KeyCost = { N: 2 ** 10, r: 8, p: 1 };

const maxN = 2 ** 20;
const maxR = 32;
const maxP = 64;
const maxMemoryBytes = 256 * 1024 * 1024;
/** Some 5 s on a small machine. restic takes what 0.5 s and 60 MiB allow where the key is made: N = 2^15, r = 8, p = 7 on a fast one. */
const maxWork = 2 ** 24;

/** Refuses with `badKeyFile` what would take a machine's memory or minutes of its time, before any of it is spent. */
export function checkKeyCost({ N, r, p }: KeyCost): void {
  const powerOfTwo = Number.isInteger(N) && N >= 2 && N <= maxN && (N & (N - 1)) === 0;
  const inRange = Number.isInteger(r) && r >= 1 && r <= maxR && Number.isInteger(p) && p >= 1 && p <= maxP;
  if (powerOfTwo && inRange && 128 * N * r <= maxMemoryBytes && N * r * p <= maxWork) return;
  throw new SyncError('badKeyFile', `Refused to derive a key with N = ${N}, r = ${r}, p = ${p}`, {
    hint: 'No honest program asks for so much: the key file is damaged or was tampered with. Try another key.',
  });
}
