import { createHash } from 'node:crypto';
import { acceptedCodings, type Coding } from './accept-encoding.ts';
import { contentType, isText } from './content-type.ts';
import { compressedSibling, type SiteFile } from './find-file.ts';
import type { Site } from './site.ts';

/** One of the forms a file can be sent in. */
export type Variant = {
  /** Whose bytes are sent, or compressed while they are sent. */
  readonly file: SiteFile;
  readonly type: string;
  readonly coding: Coding | undefined;
  /** It is compressed as it goes, so its length is not known and no part of it can be asked for. */
  readonly onTheFly: boolean;
  /** Strong: the tree it is of never changes. With its quotes. */
  readonly etag: string;
};

/** Below, a header costs more than it saves; above, a compressor of one machine has better to do. */
const compressible = { minBytes: 1024, maxBytes: 16 * 2 ** 20 };

export type VariantRequest = { readonly acceptEncoding: string | undefined; readonly isRange: boolean };

/** What the author compressed comes before what is compressed here; a part of a file is one of the file as it is. */
export async function chooseVariant(
  site: Site,
  file: SiteFile,
  { acceptEncoding, isRange }: VariantRequest,
): Promise<Variant> {
  const type = contentType(file.name);
  const accepted = isRange ? [] : acceptedCodings(acceptEncoding);
  for (const coding of accepted) {
    const sibling = await compressedSibling(site, file, coding);
    if (sibling) return { file: sibling, type, coding, onTheFly: false, etag: etagOf(site, sibling, coding) };
  }
  const [coding] = accepted;
  const fits = file.size > compressible.minBytes && file.size <= compressible.maxBytes && isText(type);
  if (coding === undefined || !fits)
    return { file, type, coding: undefined, onTheFly: false, etag: etagOf(site, file, 'identity') };
  return { file, type, coding, onTheFly: true, etag: etagOf(site, file, `${coding}, here`) };
}

function etagOf({ image }: Site, { name, size, mtimeMs }: SiteFile, form: string): string {
  const hash = createHash('sha256').update(JSON.stringify([image, name, size, mtimeMs, form]));
  return `"${hash.digest('base64url').slice(0, 22)}"`;
}
