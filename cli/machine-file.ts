import { parseDocument, stringify, type Document } from 'yaml';
import { canonicalize, type JsonObject, type JsonValue } from '../manifests/index.ts';

const dialect = { version: '1.2', schema: 'core' } as const;
/** YAML that never folds a long line: digests and keys stay whole. */
const format = { lineWidth: 0 };

/**
 * The manifest `text` changed so that it says `document`: comments and order stay where the author put them. What the
 * edit cannot express (an alias in the way) is written anew, without comments.
 */
export function rewriteManifest(text: string, document: JsonObject): string {
  if (says(text, document)) return text;
  const edited = edit(text, document);
  return edited !== undefined && says(edited, document) ? edited : stringify(document, format);
}

function edit(text: string, document: JsonObject): string | undefined {
  const yaml = parseDocument(text, dialect);
  if (yaml.errors.length > 0) return undefined;
  try {
    assign(yaml, { path: [], from: yaml.toJS() as JsonValue, to: document });
    return yaml.toString(format);
  } catch {
    // The author's structure does not take the change; the caller writes the file anew.
    return undefined;
  }
}

type Change = {
  readonly path: readonly string[];
  readonly from: JsonValue | undefined;
  readonly to: JsonObject;
};

/** Sets every leaf that differs; nothing is removed, as resolving only replaces and adds. */
function assign(yaml: Document, { path, from, to }: Change): void {
  for (const [key, value] of Object.entries(to)) {
    const at = [...path, key];
    const before = isObject(from) ? from[key] : undefined;
    if (isObject(value) && isObject(before)) assign(yaml, { path: at, from: before, to: value });
    else if (!isSame(before, value)) yaml.setIn(at, isObject(value) ? yaml.createNode(value) : value);
  }
}

function says(text: string, document: JsonObject): boolean {
  return isSame(parseDocument(text, dialect).toJS() as JsonValue, document);
}

function isSame(a: JsonValue | undefined, b: JsonValue): boolean {
  return a !== undefined && canonicalize({ value: a }) === canonicalize({ value: b });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
