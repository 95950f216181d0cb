import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCode } from '../../../lib/error-code.ts';
import { namesIn } from '../../../lib/names-in.ts';

/** No more than is needed, so that what another version of the agent wrote is understood too. */
const instanceSchema = z.looseObject({ spec: z.looseObject({ rootfs: z.string() }) });

/**
 * The trees that instances were started in, those of an agent before this one too: by what each wrote down in its folder below
 * `<root>/apps/run`.
 */
export async function treesInUse(root: string): Promise<ReadonlySet<string>> {
  const folder = join(root, 'apps', 'run');
  const trees = new Set<string>();
  for (const name of await namesIn(folder)) {
    const rootfs = await rootfsOfInstance(join(folder, name, 'instance.json'));
    if (rootfs !== undefined) trees.add(rootfs);
  }
  return trees;
}

/** Undefined for one that was not started: what it wrote down is not whole. */
async function rootfsOfInstance(path: string): Promise<string | undefined> {
  try {
    return instanceSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data?.spec.rootfs;
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? ''))
      return undefined;
    throw error;
  }
}
