import { crossReferenceProblems } from './cross-references.ts';
import type { JsonObject } from './json.ts';
import { machineSchema } from './machine.ts';
import type { Machine } from './machine.ts';
import type { Problem } from './manifest-error.ts';
import { schemaProblems } from './schema-problems.ts';

export type Validation =
  { readonly ok: true; readonly machine: Machine } | { readonly ok: false; readonly problems: Problem[] };

/** A document of JSON values to a machine, or everything that keeps it from being one. */
export function validateDocument(document: JsonObject): Validation {
  const result = machineSchema.safeParse(document);
  const problems = [
    ...(result.success ? [] : schemaProblems(result.error.issues, document)),
    ...crossReferenceProblems(document),
  ];
  return result.success && problems.length === 0
    ? { ok: true, machine: result.data }
    : { ok: false, problems };
}
