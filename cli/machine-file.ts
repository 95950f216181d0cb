import { isDeepStrictEqual } from 'node:util';
import { parseDocument, stringify, type Document } from 'yaml';
import type { JsonObject } from '../manifests/index.ts';

/** YAML that never folds a long line: digests and keys stay whole. */
const format = { lineWidth: 0 };

/**
 * The manifest `text` changed so that it says `document`: comments and order stay where the author put them. What the
 * edit cannot express (an alias in the way) is written anew, without comments.
 */
export function rewriteManifest(text: string, document: JsonObject): string {
  const edited = edit(text, document);
  return edited !== undefined && says(edited, document) ? edited : stringify(document, format);
}

function edit(text: string, document: JsonObject): string | undefined {
  const yaml = parseDocument(text, { version: '1.2', schema: 'core' });
  if (yaml.errors.length > 0) return undefined;
  try {
    assign(yaml, [], document);
    return yaml.toString(format);
  } catch {
    // The author's structure does not take the change; the caller writes the file anew.
    return undefined;
  }
}

/** Sets every leaf of `value` that differs; nothing is removed, as resolving only replaces and adds. */
function assign(yaml: Document, path: readonly string[], value: JsonObject): void {
  for (const [key, child] of Object.entries(value)) {
    const at = [...path, key];
    if (isObject(child) && yaml.hasIn(at)) assign(yaml, at, child);
    else if (!isDeepStrictEqual(plain(yaml, at), child))
      yaml.setIn(at, isObject(child) ? yaml.createNode(child) : child);
  }
}

function plain(yaml: Document, path: readonly string[]): unknown {
  let value: unknown = yaml.toJS();
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value;
}

function says(text: string, document: JsonObject): boolean {
  return isDeepStrictEqual(parseDocument(text, { version: '1.2', schema: 'core' }).toJS(), document);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
