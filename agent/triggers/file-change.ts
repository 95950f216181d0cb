import { z } from 'zod';
import type { FileStat } from '../streams/trigger-operations.ts';
import { sameStat } from './walk-files.ts';

/** What the payload of a `file` event holds; its topic is the volume. */
export const fileChangeSchema = z.strictObject({
  path: z.string(),
  change: z.enum(['created', 'modified', 'deleted']),
  size: z.int().optional(),
});
export type FileChange = z.output<typeof fileChangeSchema>;

/** What became of a file since it was known so; undefined when nothing did. */
export function changeOf(
  known: FileStat | undefined,
  stat: FileStat | undefined,
): FileChange['change'] | undefined {
  if (!stat) return known && 'deleted';
  if (!known) return 'created';
  return sameStat(known, stat) ? undefined : 'modified';
}

/** null: it was not there. */
export function sameOrGone(one: FileStat | null, other: FileStat | null): boolean {
  return one && other ? sameStat(one, other) : one === other;
}
