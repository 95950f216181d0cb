/** What snapshots of a volume say they are of, wherever the agent's root is: a restored machine goes on with the same parents. */
export function recordedPathOf(volume: string): string {
  return `/volumes/${volume}`;
}
