import { distance } from 'fastest-levenshtein';

/** Longest word that is compared: the cost grows with the product of the lengths. */
const maxLength = 64;

/** The candidate a typing error away from `word`, or undefined: up to a third of its letters may differ. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > maxLength) return undefined;
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const [best] = ranked;
  const allowed = Math.min(word.length - 1, Math.max(1, Math.floor(word.length / 3)));
  return best && best.edits <= allowed ? best.candidate : undefined;
}
