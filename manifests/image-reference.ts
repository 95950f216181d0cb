import { isDigest } from '../lib/digest.ts';
import type { Digest } from '../lib/digest.ts';

/**
 * `[host[:port]/]path[:tag][@sha256:…]`. The first part is a host when it has a dot or a colon or is `localhost`; without
 * one the reference is relative to the control plane's own registry, so a machine file survives a cloud that moved.
 */
export type ImageReference = {
  /** `host[:port]`; undefined: the control plane's own registry. */
  readonly registry: string | undefined;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
};

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const hostName = String.raw`localhost|${label}(?:\.${label})+|${label}(?=:)|\[[0-9a-fA-F:]{2,45}\]`;
const host = `(?:${hostName})(?::[0-9]{1,5})?`;
/** `host[:port]` alone. */
export const registryHostPattern = new RegExp(`^${host}$`);
const component = String.raw`[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`;
const repository = String.raw`(?=[^:@]{1,255}(?:[:@]|$))${component}(?:\/${component})*`;
const tag = String.raw`[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}`;
const digest = 'sha256:[0-9a-f]{64}';

export const imageReferencePattern = new RegExp(
  `^(?:(${host})\\/)?(${repository})(?::(${tag}))?(?:@(${digest}))?$`,
);

/** The parts of a reference, or undefined when `text` is none. A colon alone makes no host: `a/b:tag` is relative. */
export function parseImageReference(text: string): ImageReference | undefined {
  const match = imageReferencePattern.exec(text);
  if (!match) return undefined;
  const [, registry, repository = '', tag, digest] = match;
  return { registry, repository, tag, digest: digest !== undefined && isDigest(digest) ? digest : undefined };
}

export function isPinned(reference: string): boolean {
  return parseImageReference(reference)?.digest !== undefined;
}

/** `host/path:tag` to `host/path@sha256:…`: the tag is dropped, as it no longer decides anything. */
export function pinReference(reference: string, digest: Digest): string {
  const parsed = parseImageReference(reference);
  if (!parsed) throw new TypeError(`Not an image reference: ${reference}`);
  const prefix = parsed.registry === undefined ? '' : `${parsed.registry}/`;
  return `${prefix}${parsed.repository}@${digest}`;
}
