import { closeSync, openSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { openPosix } from '../../../lib/posix.ts';

const markerSchema = z.strictObject({
  version: z.literal(1),
  /** The id of the repository. */
  repository: z.string().max(64),
  /** The id of the snapshot. */
  snapshot: z.string().max(64),
  /** What of it, '' for everything. */
  path: z.string().max(65_536),
  /** The name of the folder that it is for, beside the staging folder. */
  target: z.string().max(1_024),
  /** `exchanging`: the tree in here may be the old one already. `unsure`: it may not be on the disk as it reads. */
  state: z.enum(['filling', 'exchanging', 'unsure']),
});

/** What a staging folder says of itself. */
export type StagingMarker = z.infer<typeof markerSchema>;

const fileName = 'restore.json';

export async function writeMarker(folder: string, marker: StagingMarker): Promise<void> {
  await atomicWrite(join(folder, fileName), JSON.stringify(marker));
}

/**
 * Has the next restore begin anew. Not synced, which a disk that fails would not do: it has to last as long as the system remembers what
 * it did not write, and no longer.
 */
export async function distrust(folder: string, marker: StagingMarker): Promise<void> {
  const path = join(folder, fileName);
  try {
    await writeFile(path, JSON.stringify({ ...marker, state: 'unsure' }));
  } catch {
    // Without one nothing is gone on with either.
    await rm(path, { force: true });
  }
}

/** Whether what is in the folder can be read as the disk has it. */
export function canLookPastMemory(folder: string): boolean {
  const file = openSync(join(folder, fileName), 'r');
  try {
    return openPosix()?.forgetCached(file) ?? false;
  } finally {
    closeSync(file);
  }
}

/** Undefined for a folder that is no staging folder, or was cut short before it became one. */
export async function readMarker(folder: string): Promise<StagingMarker | undefined> {
  try {
    const text = await readFile(join(folder, fileName), 'utf8');
    return markerSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? ''))
      return undefined;
    throw error;
  }
}
