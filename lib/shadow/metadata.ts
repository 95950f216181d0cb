import { at, isObject, type Json, type JsonObject } from './json.ts';

/** `{ timestamp }` (seconds since 1970) in the place of every value of `state`; elements of arrays have their own. */
export function stamp(state: Json, timestamp: number): Json {
  if (Array.isArray(state)) return state.map((element: Json) => stamp(element, timestamp));
  if (!isObject(state)) return { timestamp };
  const entries = Object.entries(state).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => [key, stamp(value, timestamp)]));
}

/** The metadata of `merge(state, patch)`: what the patch sets is as of `timestamp`. */
export function mergeMetadata(
  { state, metadata }: { readonly state: Json | undefined; readonly metadata: Json | undefined },
  patch: JsonObject,
  timestamp: number,
): JsonObject {
  const isKept = isObject(state) && isObject(metadata);
  const merged = new Map(Object.entries(isKept ? metadata : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else if (isObject(value)) {
      const before = { state: isKept ? at(state, key) : undefined, metadata: merged.get(key) };
      merged.set(key, mergeMetadata(before, value, timestamp));
    } else merged.set(key, stamp(value, timestamp));
  }
  return Object.fromEntries(merged);
}

/** The part of `metadata` that belongs to what is in `part`, of the same state. */
export function metadataOf(metadata: JsonObject, part: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(part).flatMap(([key, value]) => {
      const found = at(metadata, key);
      if (found === undefined) return [];
      return [[key, isObject(value) && isObject(found) ? metadataOf(found, value) : found]];
    }),
  );
}
