import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from '../../lib/atomic-write.ts';

const restoredSchema = z.record(
  z.string(),
  z.strictObject({
    snapshot: z.string(),
    /** When it was taken, and when it was given back. */
    taken: z.iso.datetime({ offset: true }),
    restored: z.iso.datetime(),
  }),
);
export type RestoredVolumes = Readonly<z.output<typeof restoredSchema>>;

/** What the volumes of `root` were made of when the machine was brought back. None where that is not known. */
export async function readRestored(root: string): Promise<RestoredVolumes> {
  try {
    return restoredSchema.parse(JSON.parse(await readFile(pathIn(root), 'utf8')));
  } catch {
    // It is told to people and decides nothing.
    return {};
  }
}

export async function noteRestored(root: string, volumes: RestoredVolumes): Promise<void> {
  await mkdir(join(root, 'vault'), { recursive: true, mode: 0o700 });
  await atomicWrite(pathIn(root), JSON.stringify({ ...(await readRestored(root)), ...volumes }));
}

function pathIn(root: string): string {
  return join(root, 'vault', 'restored.json');
}
