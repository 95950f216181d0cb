import { maxStreams } from './message-ids.ts';

/** What numbers there are for streams: every one beyond `last`, and those that are `free` up to it. */
export type StreamNumbers = { readonly last: number; readonly free: readonly number[] };

/** `used`: the numbers of all streams; 0 is none. */
export function streamNumbersOf(used: readonly number[]): StreamNumbers {
  const taken = new Set(used);
  const last = used.reduce((most, number) => Math.max(most, number), 0);
  const free = Array.from({ length: last }, (_, index) => index + 1).filter((number) => !taken.has(number));
  return { last, free };
}

/** How many streams more can have one. */
export function streamNumbersLeft({ last, free }: StreamNumbers): number {
  return maxStreams - last + free.length;
}

/** One that was never another stream's while there is such a one. Not to be called when none is left. */
export function takeStreamNumber({ last, free }: StreamNumbers): {
  readonly taken: number;
  readonly left: StreamNumbers;
} {
  const [first, ...others] = free;
  if (last >= maxStreams && first !== undefined) return { taken: first, left: { last, free: others } };
  return { taken: last + 1, left: { last: last + 1, free } };
}
