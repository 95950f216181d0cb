import type { JsonObject } from './json.ts';
import type { Machine } from './machine.ts';
import type { ManifestProblem, Path } from './manifest-error.ts';
import { readDocument, type Position } from './read-document.ts';
import { validateDocument } from './validate.ts';

export type ParseResult =
  | {
      readonly ok: true;
      readonly machine: Machine;
      /** As written: before defaults are filled in, `32MiB` still a text. This is what is resolved, signed and sent. */
      readonly document: JsonObject;
      /** Where the value at `path` stands in the text, or the nearest thing around it that does. */
      readonly locate: (path: Path) => Position;
    }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[] };

/**
 * Reads a machine file: YAML 1.2 (so JSON too). Never throws for what the text says: every problem comes back at once, in
 * the order of the text, at most a hundred. Source: DESIGN §4.
 */
export function parseManifest(text: string): ParseResult {
  const read = readDocument(text, { name: 'machine file', validate: validateDocument });
  if (!read.ok) return read;
  const { value: machine, document, locate } = read;
  return { ok: true, machine, document, locate };
}

/** One line a problem: `machine.yaml:14:12: message`. */
export function formatProblems(problems: readonly ManifestProblem[], fileName: string): string {
  return problems
    .map(({ line, column, message, suggestion }) => {
      const hint = suggestion === undefined ? '' : ` Did you mean ${JSON.stringify(suggestion)}?`;
      return `${fileName}:${line}:${column}: ${message}.${hint}`;
    })
    .join('\n');
}
