import { isDeepStrictEqual } from 'node:util';
import { at, isObject, type Json, type JsonObject } from './json.ts';

/**
 * `current` after `patch`: objects merge key by key, `null` takes a key away, everything else, arrays too, takes the place of what was
 * there (JSON Merge Patch, RFC 7396). Neither is changed.
 */
export function merge(current: Json | undefined, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(isObject(current) ? current : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, isObject(value) ? merge(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}

/** The smallest patch that makes `to` of `from`; undefined when they are equal. */
export function diff(from: JsonObject, to: JsonObject): JsonObject | undefined {
  const patch: [string, Json][] = [];
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch.push([key, null]);
  for (const [key, value] of Object.entries(to)) {
    const before = at(from, key);
    if (isObject(value) && isObject(before)) {
      const inner = diff(before, value);
      if (inner) patch.push([key, inner]);
    } else if (!isDeepStrictEqual(before, value)) patch.push([key, value]);
  }
  return patch.length === 0 ? undefined : Object.fromEntries(patch);
}

/** What `patch` changes and `other` does not; undefined when nothing is left. */
export function without(patch: JsonObject, other: JsonObject): JsonObject | undefined {
  const left: [string, Json][] = [];
  for (const [key, value] of Object.entries(patch)) {
    const taken = at(other, key);
    if (taken === undefined) left.push([key, value]);
    else if (isObject(value) && isObject(taken)) {
      const inner = without(value, taken);
      if (inner) left.push([key, inner]);
    }
  }
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

/** What of `desired` is not so in `reported`; keys that only `reported` has do not count. Undefined when nothing. */
export function deltaOf(desired: JsonObject, reported: JsonObject): JsonObject | undefined {
  const differing: [string, Json][] = [];
  for (const [key, wanted] of Object.entries(desired)) {
    const found = at(reported, key);
    if (isObject(wanted) && isObject(found)) {
      const inner = deltaOf(wanted, found);
      if (inner) differing.push([key, inner]);
    } else if (!isDeepStrictEqual(wanted, found)) differing.push([key, wanted]);
  }
  return differing.length === 0 ? undefined : Object.fromEntries(differing);
}
