export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own property `key`, when `value` is an object that has it: never something inherited. */
export function member(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The own entries of `value`, or none when it is no object. */
export function entriesOf(value: unknown): [string, JsonValue][] {
  return isJsonObject(value) ? Object.entries(value) : [];
}
