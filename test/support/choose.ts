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

/**
 * Deals what may be made as cards from a shuffled pack, each as often as it weighs (a whole number), and shuffles again when all are
 * dealt: as random as `choose`, and yet a short run leaves nothing out.
 */
export function dealer<T>(random: Random, choices: readonly Choice<T>[]): () => T {
  const pack = choices.flatMap(([weight, make]) => Array.from({ length: weight }, () => make));
  let left: typeof pack = [];
  return () => {
    if (left.length === 0) left = [...pack];
    const [make] = left.splice(Math.floor(random() * left.length), 1);
    if (!make) throw new RangeError('A pack needs at least one weight above zero');
    return make(random);
  };
}
