import { isDigest, type Digest } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';

/** `registry` undefined: the control plane's own registry. */
export type Reference = {
  readonly registry?: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
};

const maxChars = 512;
const component = '[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*';
/** Distribution spec, "Pulling manifests": the names and tags a registry accepts. */
const repositoryPattern = new RegExp(`^(?=.{1,255}$)${component}(?:/${component})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const registryPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,252}[a-zA-Z0-9])?|\[[0-9a-fA-F:]{2,45}\])(?::[0-9]{1,5})?$/;

export function isRepository(text: string): boolean {
  return repositoryPattern.test(text);
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/**
 * Reads `[registry/]repository[:tag][@digest]`. The first part is a registry when it has a dot or a colon or is
 * `localhost`; otherwise the reference is relative. Docker Hub is never implied. Throws `badReference`.
 */
export function parseReference(text: string): Reference {
  if (text.length > maxChars)
    throw badReference(`${text.slice(0, 64)}…`, `is longer than ${maxChars} characters`);
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw badReference(text, 'has more than one @');
  if (digest !== undefined && !isDigest(digest))
    throw badReference(text, 'has a digest that is not sha256:…');

  const slash = named.indexOf('/');
  const host = slash > 0 && looksLikeHost(named.slice(0, slash)) ? named.slice(0, slash) : undefined;
  if (host !== undefined && !registryPattern.test(host))
    throw badReference(text, `names no registry: ${host}`);
  const rest = host === undefined ? named : named.slice(slash + 1);
  const [repository = '', tag, ...parts] = rest.split(':');
  if (!isRepository(repository) || parts.length > 0) throw badReference(text, `names no repository: ${rest}`);
  if (tag !== undefined && !isTag(tag)) throw badReference(text, `has a tag that is none: ${tag}`);
  return {
    ...(host !== undefined && { registry: host }),
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

export function formatReference({ registry, repository, tag, digest }: Reference): string {
  const host = registry === undefined ? '' : `${registry}/`;
  return `${host}${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function looksLikeHost(part: string): boolean {
  return part === 'localhost' || part.includes('.') || part.includes(':');
}

function badReference(text: string, why: string): SyncError {
  return new SyncError('badReference', `The reference ${text} ${why}`, {
    hint: 'Write [host/]repository:tag or [host/]repository@sha256:…, in lower case.',
  });
}
