import { isDigest, type Digest } from '../../../lib/digest.ts';
import { isRepository, isTag } from '../../oci/index.ts';
import { Refusal } from './refusal.ts';

/** What a path under `/v2/` names. */
export type Target =
  | { readonly kind: 'root' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string };

const maxPathChars = 1024;
const shapes = [
  { kind: 'tags', pattern: /^(.+)\/tags\/list$/ },
  { kind: 'manifest', pattern: /^(.+)\/manifests\/([^/]+)$/ },
  { kind: 'uploads', pattern: /^(.+)\/blobs\/uploads\/?$/ },
  { kind: 'upload', pattern: /^(.+)\/blobs\/uploads\/([0-9a-f-]{1,64})$/ },
  { kind: 'blob', pattern: /^(.+)\/blobs\/([^/]+)$/ },
] as const;

/**
 * Reads the raw path of a URL. Repository names hold slashes and the endings decide, so this is no router's work. An
 * encoded path (`%2e%2e`, `%2f`) matches no name and is refused; only the colon of a digest may come encoded.
 */
export function parseTarget(path: string): Target {
  if (path.length > maxPathChars)
    throw new Refusal('NAME_INVALID', `The path is longer than ${maxPathChars}`);
  const rest = path.replace(/^\/v2\/?/, '').replace(/%3a/gi, ':');
  if (rest === '') return { kind: 'root' };
  for (const { kind, pattern } of shapes) {
    const [, repository, last = ''] = pattern.exec(rest) ?? [];
    if (repository === undefined) continue;
    if (!isRepository(repository)) throw new Refusal('NAME_INVALID', `${repository} is no repository name`);
    return build(kind, repository, last);
  }
  throw new Refusal('NAME_UNKNOWN', `This registry has nothing at ${path}`, { status: 404 });
}

function build(kind: (typeof shapes)[number]['kind'], repository: string, last: string): Target {
  switch (kind) {
    case 'tags':
    case 'uploads':
      return { kind, repository };
    case 'manifest':
      if (!isTag(last) && !isDigest(last)) {
        throw new Refusal('MANIFEST_UNKNOWN', `${last} is neither a tag nor a sha256 digest`);
      }
      return { kind, repository, reference: last };
    case 'blob':
      if (!isDigest(last)) throw new Refusal('DIGEST_INVALID', `${last} is no sha256 digest`);
      return { kind, repository, digest: last };
    case 'upload':
      return { kind, repository, id: last };
    default:
      return kind satisfies never;
  }
}
