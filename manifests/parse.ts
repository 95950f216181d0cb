import { bounds } from './bounds.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Machine } from './machine.ts';
import type { ManifestProblem, Path, Problem, ProblemCode } from './manifest-error.ts';
import { validateDocument } from './validate.ts';
import { show } from './wording.ts';
import { readYaml } from './yaml-document.ts';
import type { SourceNode, YamlDocument } from './yaml-document.ts';

/** 1-based; the column counts UTF-16 code units. */
export type Position = { readonly line: number; readonly column: number };

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
  const yaml = readYaml(text);
  const unreadable = yaml.problems.filter(({ code }) => code !== 'duplicateKey');
  const position = (offset: number) => toPosition(yaml, offset);

  const validation = validate(yaml);
  const found = [
    ...yaml.problems,
    ...validation.problems
      .filter(({ path }) => !unreadable.some((earlier) => isWithin(path, earlier.path)))
      .map((problem) => ({ ...problem, offset: offsetOf(yaml.source, problem) })),
  ];
  if (found.length === 0 && validation.ok) {
    const { machine, document } = validation;
    return { ok: true, machine, document, locate: (path) => position(offsetOf(yaml.source, { path })) };
  }
  const problems = found
    .sort((a, b) => a.offset - b.offset)
    .slice(0, bounds.problems)
    .map(({ offset, ...problem }) => ({ ...problem, ...position(offset) }));
  return { ok: false, problems: withoutRepeats(problems) };
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

type Outcome =
  | { ok: true; machine: Machine; document: JsonObject; problems: readonly Problem[] }
  | { ok: false; problems: readonly Problem[] };

function validate({ value, problems }: YamlDocument): Outcome {
  if (value === undefined) return { ok: false, problems: [] };
  if (!isJsonObject(value)) {
    const message = `A machine file must be a section of keys; found ${show(value)}`;
    return { ok: false, problems: problems.length > 0 ? [] : [{ code: 'wrongType', message, path: [] }] };
  }
  const validation = validateDocument(value);
  return validation.ok ? { ...validation, document: value, problems: [] } : validation;
}

const keyProblems: ReadonlySet<ProblemCode> = new Set(['unknownKey', 'invalidKey']);

/** A problem of a value stands at the value, one of a key at the key; what is missing, at the key it is missing from. */
function offsetOf(root: SourceNode, { path, code }: { path: Path; code?: ProblemCode }): number {
  let node = root;
  for (const part of path) {
    const child = node.children.get(part);
    if (!child) return node.keyOffset ?? node.offset;
    node = child;
  }
  return code !== undefined && keyProblems.has(code) ? (node.keyOffset ?? node.offset) : node.offset;
}

function toPosition({ lines }: YamlDocument, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** A value that could not be read was reported with why; what the schema says about its stand-in is noise. */
function isWithin(path: Path, ancestor: Path): boolean {
  return ancestor.length > 0 && ancestor.every((part, index) => path[index] === part);
}

function withoutRepeats(problems: readonly ManifestProblem[]): ManifestProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ line, column, message }) => {
    const key = `${line}:${column}:${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
