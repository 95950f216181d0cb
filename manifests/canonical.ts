import serialize from 'canonicalize';
import { digestOf } from '../lib/digest.ts';
import type { Digest } from '../lib/digest.ts';
import { bounds, isForbiddenKey, numberFault, textFault } from './bounds.ts';
import { isPinned } from './image-reference.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { Machine } from './machine.ts';
import { ManifestError } from './manifest-error.ts';
import type { Path } from './manifest-error.ts';
import { references } from './references.ts';
import { validateDocument } from './validate.ts';
import { showPath } from './wording.ts';

export type CanonicalManifest = {
  readonly machine: Machine;
  readonly document: JsonObject;
  readonly digest: Digest;
};

/** The one text (RFC 8785) that stands for a document. Throws `tooLarge` over 4 MiB. */
export function canonicalize(document: JsonObject): string {
  const text = serialize(document);
  if (text === undefined) throw new TypeError('A document is an object');
  const size = Buffer.byteLength(text);
  if (size > bounds.canonicalBytes) throw tooLarge(size);
  return text;
}

/** The digest of a canonical text: what a generation points to. */
export function manifestDigest(canonical: string): Digest {
  return digestOf(canonical);
}

/**
 * Checks the bytes of a resolved manifest that came over a wire or from a disk: size, digest, UTF-8, JSON, canonical form
 * (so no key twice), the language, every image pinned. Nothing is parsed before the digest holds. [THREATS 5, 14]
 */
export function readCanonicalManifest(bytes: Uint8Array, digest: Digest): CanonicalManifest {
  if (bytes.byteLength > bounds.canonicalBytes) throw tooLarge(bytes.byteLength);
  const actual = digestOf(bytes);
  if (actual !== digest)
    throw new ManifestError('digestMismatch', `The manifest ${digest} has the bytes of ${actual}`, {
      hint: 'It was changed on the way or on the disk. Fetch it again.',
    });
  const text = decode(bytes, digest);
  const document = parseJson(text, digest);
  if (!isJsonObject(document)) throw notCanonical(digest, 'it is no JSON object');
  const fault = jsonFault(document, []);
  if (fault !== undefined) throw notCanonical(digest, fault);
  if (canonicalize(document) !== text)
    throw notCanonical(digest, 'it is not the RFC 8785 form of what it says');
  return { machine: toPinnedMachine(document, digest), document, digest };
}

function toPinnedMachine(document: JsonObject, digest: Digest): Machine {
  const validation = validateDocument(document);
  if (!validation.ok) {
    const { problems } = validation;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    const message = `The manifest ${digest} is not valid: ${problems[0]?.message ?? ''}${more}`;
    throw new ManifestError('invalid', message, { problems: problems.slice(0, bounds.problems) });
  }
  const unpinned = references(validation.value).find(({ reference }) => !isPinned(reference));
  if (unpinned)
    throw new ManifestError(
      'unresolved',
      `${unpinned.component} of the manifest ${digest} is named by tag: ${unpinned.reference}`,
      {
        hint: 'Resolve the manifest: only digests are applied.',
      },
    );
  return validation.value;
}

function decode(bytes: Uint8Array, digest: Digest): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw notCanonical(digest, 'it is not UTF-8', cause);
  }
}

function parseJson(text: string, digest: Digest): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw notCanonical(digest, 'it is not JSON', cause);
  }
}

/** What breaks the bounds of a document, or undefined. Recursion ends at the depth bound. */
function jsonFault(value: JsonValue, path: Path, budget = { nodes: bounds.nodes }): string | undefined {
  if (path.length > bounds.depth) return `it is nested deeper than ${bounds.depth} levels`;
  if (--budget.nodes < 0) return `it holds more than ${bounds.nodes} values`;
  if (typeof value === 'string') return withPath(path, textFault(value));
  if (typeof value === 'number') return withPath(path, numberFault(value));
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const fault = isForbiddenKey(key) ? 'is a key that is not allowed anywhere' : textFault(key);
    if (fault !== undefined) return withPath([...path, key], fault);
    const inner = jsonFault(child, [...path, key], budget);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function withPath(path: Path, fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : `${showPath(path)} ${fault}`;
}

function notCanonical(digest: Digest, why: string, cause?: unknown): ManifestError {
  return new ManifestError('notCanonical', `The manifest ${digest} cannot be read: ${why}`, {
    hint: 'Deploy it again with this version of holdfast.',
    cause,
  });
}

function tooLarge(size: number): ManifestError {
  return new ManifestError(
    'tooLarge',
    `The manifest has ${size} bytes; at most ${bounds.canonicalBytes} are allowed`,
  );
}
