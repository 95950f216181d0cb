import type { Digest } from '../lib/digest.ts';
import { isPinned, pinReference } from './image-reference.ts';
import { entriesOf, isJsonObject, member } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { ManifestError } from './manifest-error.ts';
import type { Path, Problem } from './manifest-error.ts';
import type { Position } from './read-document.ts';
import { showPath } from './wording.ts';

/** Asks a registry which digest a tag has now. Rejects with why it cannot. */
export type DigestLookup = (reference: string, options: { signal: AbortSignal }) => Promise<Digest>;

export type ResolveOptions = {
  readonly signal: AbortSignal;
  /** `locate` of the parse result: failures then name line and column. */
  readonly locate?: (path: Path) => Position;
};

/** Lookups under way at once. */
const concurrency = 4;

const keyOfSection = { apps: 'image', functions: 'bundle' } as const;

type Site = { readonly path: Path; readonly reference: string };
type Found = { readonly digest: Digest } | { readonly error: unknown };

/**
 * Replaces every image and bundle by its digest-pinned form. What is pinned already is left untouched; each distinct
 * reference is looked up once. Rejects with one `unresolved` ManifestError that names every failure, `transient` when all
 * of them are; on an abort with the reason of the signal, after the lookups under way have ended.
 */
export async function resolve(
  document: JsonObject,
  lookup: DigestLookup,
  { signal, locate }: ResolveOptions,
): Promise<JsonObject> {
  const sites = findSites(document).filter(({ reference }) => !isPinned(reference));
  const found = await lookUpAll([...new Set(sites.map(({ reference }) => reference))], lookup, signal);
  const failures = sites.flatMap((site) => {
    const result = found.get(site.reference);
    return result && 'error' in result ? [{ ...site, error: result.error }] : [];
  });
  if (failures.length > 0) throw unresolved(failures, locate);
  return pinAll(document, found);
}

async function lookUpAll(references: readonly string[], lookup: DigestLookup, signal: AbortSignal) {
  const found = new Map<string, Found>();
  const queue = references.values();
  const worker = async () => {
    for (const reference of queue) {
      signal.throwIfAborted();
      const result: Found = await lookup(reference, { signal }).then(
        (digest) => ({ digest }),
        (error: unknown) => ({ error }),
      );
      found.set(reference, result);
    }
  };
  await Promise.allSettled(Array.from({ length: concurrency }, worker));
  signal.throwIfAborted();
  return found;
}

function findSites(document: JsonObject): Site[] {
  return Object.entries(keyOfSection).flatMap(([section, key]) =>
    entriesOf(member(document, section)).flatMap(([name, spec]) => {
      const reference = member(spec, key);
      return typeof reference === 'string' ? [{ path: [section, name, key], reference }] : [];
    }),
  );
}

function pinAll(document: JsonObject, found: ReadonlyMap<string, Found>): JsonObject {
  const pinned = Object.entries(keyOfSection).flatMap(([section, key]) => {
    const entries = entriesOf(member(document, section));
    if (entries.length === 0) return [];
    return [
      [section, Object.fromEntries(entries.map(([name, spec]) => [name, pinEntry(spec, key, found)]))],
    ] as const;
  });
  return { ...document, ...Object.fromEntries(pinned) };
}

function pinEntry(spec: JsonValue, key: string, found: ReadonlyMap<string, Found>): JsonValue {
  const reference = member(spec, key);
  const result = typeof reference === 'string' ? found.get(reference) : undefined;
  if (!isJsonObject(spec) || typeof reference !== 'string' || !result || !('digest' in result)) return spec;
  return { ...spec, [key]: pinReference(reference, result.digest) };
}

function unresolved(
  failures: readonly (Site & { readonly error: unknown })[],
  locate: ResolveOptions['locate'],
): ManifestError {
  const problems = failures.map(({ path, reference, error }): Problem => {
    const why = error instanceof Error ? error.message : String(error);
    const message = `${showPath(path)}: the digest of ${reference} cannot be looked up: ${why}`;
    return { code: 'unresolved', path, message, ...locate?.(path) };
  });
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new ManifestError('unresolved', `${first?.message ?? ''}${more}`, {
    problems,
    hint: 'Push what is missing, or correct the reference.',
    cause: failures[0]?.error,
    transient: failures.every(
      ({ error }) => error instanceof Error && 'transient' in error && error.transient === true,
    ),
  });
}
