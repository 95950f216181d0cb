import { lstat } from 'node:fs/promises';
import type { Digest } from '../../../lib/digest.ts';
import type { Machine } from '../../../manifests/machine.ts';
import { AgentError } from '../../errors.ts';
import type { AppImages } from '../ports.ts';
import { resolveInTree } from '../resolve-in-tree.ts';

/** Files of an image behind a route. */
export type Site = {
  readonly app: string;
  /** As the manifest has it. */
  readonly route: string;
  /** The read-only tree; nothing outside it is ever served. */
  readonly rootfs: string;
  /** In the tree; empty for all of it. */
  readonly folder: string;
  readonly image: Digest;
};

/** The sites of a machine. Rejects with AgentError 'badImage' when an image has no such folder. */
export async function sitesOf({ apps }: Pick<Machine, 'apps'>, images: AppImages): Promise<Site[]> {
  const sites: Site[] = [];
  for (const [app, { site }] of Object.entries(apps)) {
    if (!site) continue;
    const image = images.get(app);
    if (!image) throw new AgentError('badImage', `The image of apps.${app} is not on this machine`);
    const { route, folder = '' } = site;
    const { rootfs, digest } = image;
    const path = await resolveInTree(rootfs, folder);
    if (path === undefined || !(await lstat(path)).isDirectory()) {
      throw new AgentError('badImage', `The image of apps.${app} has no folder ${folder}`, {
        hint: `Correct apps.${app}.site.folder, or the image.`,
      });
    }
    sites.push({ app, route, rootfs, folder, image: digest });
  }
  return sites;
}
