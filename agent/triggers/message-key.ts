import { createHash } from 'node:crypto';

/** Of a stream that keeps only the latest message of each key: `topic`, or a JSON pointer into the payload. */
export type KeyRule = string;

/** A longer key is known by its digest. */
const maxKeyBytes = 512;

/**
 * By what messages of a compacted stream are told apart: the topic, or the text, number or boolean that the pointer (RFC 6901)
 * finds in a JSON payload. Undefined when there is none there: such a message is never superseded.
 */
export function messageKey(
  rule: KeyRule,
  { topic, payload }: { readonly topic: string; readonly payload: Uint8Array },
): string | undefined {
  const key = rule === 'topic' ? topic : keyText(valueAt(parse(payload), rule));
  if (key === undefined || Buffer.byteLength(key) <= maxKeyBytes) return key;
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
}

function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null) return undefined;
    // An index of an array is written without leading zeros [RFC 6901 §4].
    if (Array.isArray(value) && !/^(?:0|[1-9][0-9]{0,9})$/.test(name)) return undefined;
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function keyText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
