import { crossReferenceProblems } from './cross-references.ts';
import type { JsonObject } from './json.ts';
import { machineSchema } from './machine.ts';
import type { Machine } from './machine.ts';
import type { Validated } from './read-document.ts';
import { schemaProblems } from './schema-problems.ts';

/** A document of JSON values to a machine, or everything that keeps it from being one. */
export function validateDocument(document: JsonObject): Validated<Machine> {
  const result = machineSchema.safeParse(document);
  const problems = [
    ...(result.success ? [] : schemaProblems(result.error.issues, { document, schema: machineSchema })),
    ...crossReferenceProblems(document),
  ];
  return result.success && problems.length === 0 ? { ok: true, value: result.data } : { ok: false, problems };
}
