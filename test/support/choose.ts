export type Random = () => number;

/** One of several things that may be made, and how often in comparison. */
export type Choice<T> = readonly [weight: number, make: (random: Random) => T];

export function choose<T>(random: Random, choices: readonly Choice<T>[]): T {
  let left = random() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of choices) {
    left -= weight;
    if (left < 0) return make(random);
  }
  throw new RangeError('A choice needs at least one weight above zero');
}
