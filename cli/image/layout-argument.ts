import type { Descriptor, OciLayout } from '../../cloud-sync/oci/index.ts';
import { CliError } from '../errors.ts';

export type LayoutImage = { readonly layout: OciLayout; readonly image: Descriptor };

/**
 * Finds the image that `FOLDER` or `FOLDER:TAG` names in an OCI image layout; without a tag the only one there is. Undefined where no
 * such folder holds a layout.
 */
export async function findLayoutImage(argument: string): Promise<LayoutImage | undefined> {
  const place = await placeOf(argument);
  if (place === undefined) return undefined;
  const { layout, folder, tag } = place;
  const [only, ...others] = layout.listed();
  const image = tag === undefined && others.length === 0 ? only : layout.resolve(tag ?? 'latest');
  if (image !== undefined) return { layout, image };
  throw new CliError('notFound', `The layout ${folder} has no image ${tag ?? 'latest'}.`, {
    hint: 'Name one of its tags, as FOLDER:TAG; they are in its index.json.',
  });
}

type Place = { readonly layout: OciLayout; readonly folder: string; readonly tag?: string };

async function placeOf(argument: string): Promise<Place | undefined> {
  const { OciLayout } = await import('../../cloud-sync/oci/index.ts');
  const whole = await OciLayout.openToRead(argument);
  if (whole !== undefined) return { layout: whole, folder: argument };
  const colon = argument.lastIndexOf(':');
  if (colon < 1) return undefined;
  const folder = argument.slice(0, colon);
  const layout = await OciLayout.openToRead(folder);
  return layout && { layout, folder, tag: argument.slice(colon + 1) };
}
