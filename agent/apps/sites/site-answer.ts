import { rangeOf, type ByteRange } from './byte-range.ts';
import type { Coding } from './accept-encoding.ts';
import { chooseVariant, type Variant } from './choose-variant.ts';
import { findFile, missingPage, type SiteFile } from './find-file.ts';
import type { Site } from './site.ts';

export type SiteRequest = {
  /** Below the site, decoded, without a slash at its front; undefined for the route itself, without its slash. */
  readonly path: string | undefined;
  readonly headers: {
    readonly acceptEncoding: string | undefined;
    readonly ifNoneMatch: string | undefined;
    readonly ifRange: string | undefined;
    readonly range: string | undefined;
  };
};

export type SiteBody = {
  readonly path: string;
  readonly range: ByteRange | undefined;
  /** To be done while it is sent. */
  readonly compress: Coding | undefined;
  /** Undefined when it is compressed while it is sent. */
  readonly bytes: number | undefined;
};

export type SiteAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: SiteBody | undefined;
};

/** 'nothing' and the site has no page for it; 'folder': it is to be asked for with a slash at its end. */
export async function answerOf(site: Site, request: SiteRequest): Promise<SiteAnswer | 'nothing' | 'folder'> {
  if (request.path === undefined) return 'folder';
  const found = await findFile(site, request.path);
  switch (found.kind) {
    case 'file':
      return answerWith(site, found.file, request);
    case 'folder':
      return 'folder';
    case 'nothing':
      return missing(site, request);
    default:
      return found satisfies never;
  }
}

async function missing(
  site: Site,
  { headers: { acceptEncoding } }: SiteRequest,
): Promise<SiteAnswer | 'nothing'> {
  const page = await missingPage(site);
  if (!page) return 'nothing';
  const variant = await chooseVariant(site, page, { acceptEncoding, isRange: false });
  const { etag: _etag, ...headers } = headersOf(variant);
  return whole(404, variant, headers);
}

async function answerWith(site: Site, file: SiteFile, { headers }: SiteRequest): Promise<SiteAnswer> {
  const { acceptEncoding, ifNoneMatch, ifRange, range: wanted } = headers;
  const variant = await chooseVariant(site, file, { acceptEncoding, isRange: wanted !== undefined });
  const common = headersOf(variant);
  if (matches(ifNoneMatch, variant.etag)) return { status: 304, headers: common, body: undefined };
  // A date tells no two images apart whose builders fix the times of files: only the tag counts.
  const isFresh = ifRange === undefined || ifRange.trim() === variant.etag;
  const { size, path } = variant.file;
  const range = isFresh ? rangeOf(wanted, size) : undefined;
  if (range === undefined) return whole(200, variant, common);
  if (range === 'none')
    return { status: 416, headers: { ...common, 'content-range': `bytes */${size}` }, body: undefined };
  const { start, end } = range;
  return {
    status: 206,
    headers: { ...common, 'content-range': `bytes ${start}-${end}/${size}` },
    body: { path, range, compress: undefined, bytes: end - start + 1 },
  };
}

function whole(status: number, variant: Variant, headers: SiteAnswer['headers']): SiteAnswer {
  const { file, coding, onTheFly } = variant;
  const compress = onTheFly ? coding : undefined;
  const bytes = onTheFly ? undefined : file.size;
  return { status, headers, body: { path: file.path, range: undefined, compress, bytes } };
}

function headersOf({ type, coding, etag, onTheFly, file: { mtimeMs } }: Variant): Record<string, string> {
  return {
    'content-type': type,
    ...(coding && { 'content-encoding': coding }),
    ...(!onTheFly && { 'accept-ranges': 'bytes' }),
    // A reproducible image has files of the year 1970, which says nothing.
    ...(mtimeMs > 0 && { 'last-modified': new Date(mtimeMs).toUTCString() }),
    etag,
    vary: 'accept-encoding',
    'cache-control': 'no-cache',
  };
}

/** RFC 9110 §13.1.2: weak comparison. */
function matches(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',', 100).map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes('*') || tags.includes(etag);
}
