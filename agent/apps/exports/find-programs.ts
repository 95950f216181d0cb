import { lstat, realpath } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { AppSpec } from '../../../manifests/app.ts';
import { AgentError } from '../../errors.ts';
import type { AppImages, StoredImage } from '../ports.ts';
import { resolveInTree } from '../resolve-in-tree.ts';
import { isStaticProgram } from './elf.ts';
import type { Shim } from './shim.ts';
import { treeMounts } from './tree-mounts.ts';

const setIdBits = 0o6000;

/** What the apps export, found in their images. Rejects with AgentError 'badImage'. */
export async function findPrograms(
  apps: Readonly<Record<string, AppSpec>>,
  images: AppImages,
): Promise<Shim[]> {
  const programs: Shim[] = [];
  for (const [app, { exports, isolation }] of Object.entries(apps)) {
    for (const path of exports) {
      const image = images.get(app);
      if (!image) throw new AgentError('badImage', `The image of apps.${app} is not on this machine`);
      programs.push(await shimOf({ app, path, isolation, image }));
    }
  }
  return programs;
}

type Exported = {
  readonly app: string;
  readonly path: string;
  readonly isolation: AppSpec['isolation'];
  readonly image: StoredImage;
};

async function shimOf({ app, path, isolation, image }: Exported): Promise<Shim> {
  const name = posix.basename(path);
  const program = await resolveInTree(image.rootfs, path);
  const found = program === undefined ? undefined : await lstat(program);
  if (program === undefined || !found?.isFile()) throw unfit(app, path, `has no program ${path}`);
  if ((found.mode & 0o111) === 0) throw unfit(app, path, `has ${path}, which is not executable`);
  // Outside the tree set-uid bits would give the caller what nobody granted.
  const asItIs =
    (found.mode & setIdBits) === 0 && (isolation === 'process' || (await isStaticProgram(program)));
  // By the name it was given where that leads there: some programs go by how they are called.
  if (asItIs) {
    const given = join(image.rootfs, path);
    const same = (await realpath(given).catch(() => undefined)) === (await realpath(program));
    return { name, app, program: same ? given : program, tree: null };
  }
  const env = image.config.config?.Env ?? [];
  return { name, app, program, tree: { program: `/${path}`, env, ...(await treeMounts(image.rootfs)) } };
}

function unfit(app: string, path: string, what: string): AgentError {
  return new AgentError('badImage', `The image of apps.${app} ${what}`, {
    hint: `Correct apps.${app}.exports, or the image.`,
  });
}
