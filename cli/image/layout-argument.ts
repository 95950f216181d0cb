import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor, OciLayout } from '../../cloud-sync/oci/index.ts';
import { CliError } from '../errors.ts';

export type LayoutImage = { readonly layout: OciLayout; readonly folder: string; readonly image: Descriptor };

/**
 * Finds the image that `FOLDER` or `FOLDER:TAG` names in an OCI image layout; without a tag the only one there is. Undefined where no
 * such folder holds a layout.
 */
export async function findLayoutImage(argument: string): Promise<LayoutImage | undefined> {
  const place = await placeOf(argument);
  if (place === undefined) return undefined;
  const { OciLayout } = await import('../../cloud-sync/oci/index.ts');
  const layout = await OciLayout.open(place.folder);
  const [only, ...others] = layout.listed();
  const image = place.tag === undefined && others.length === 0 ? only : layout.resolve(place.tag ?? 'latest');
  if (image !== undefined) return { layout, folder: place.folder, image };
  throw new CliError('notFound', `The layout ${place.folder} has no image ${place.tag ?? 'latest'}.`, {
    hint: 'Name one of its tags, as FOLDER:TAG; they are in its index.json.',
  });
}

async function placeOf(argument: string): Promise<{ folder: string; tag?: string } | undefined> {
  if (await isLayout(argument)) return { folder: argument };
  const colon = argument.lastIndexOf(':');
  if (colon < 1) return undefined;
  const folder = argument.slice(0, colon);
  return (await isLayout(folder)) ? { folder, tag: argument.slice(colon + 1) } : undefined;
}

async function isLayout(folder: string): Promise<boolean> {
  const marker = await stat(join(folder, 'oci-layout')).catch(() => undefined);
  return marker?.isFile() ?? false;
}
