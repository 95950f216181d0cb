import { bounds } from './bounds.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import type { ManifestProblem, Path, Problem, ProblemCode } from './manifest-error.ts';
import { show } from './wording.ts';
import { readYaml } from './yaml-document.ts';
import type { SourceNode, YamlDocument } from './yaml-document.ts';

/** 1-based; the column counts UTF-16 code units. */
export type Position = { readonly line: number; readonly column: number };

export type ReadDocument<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** As written: before defaults are filled in, `32MiB` still a text. */
      readonly document: JsonObject;
      /** Where the value at `path` stands in the text, or the nearest thing around it that does. */
      readonly locate: (path: Path) => Position;
    }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[] };

export type Validated<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

export type DocumentKind<T> = {
  /** What it is called: `machine file`. */
  readonly name: string;
  readonly validate: (document: JsonObject) => Validated<T>;
};

/**
 * Reads a file of one section of keys: YAML 1.2 (so JSON too). Never throws for what the text says: every problem comes back at
 * once, in the order of the text, at most a hundred.
 */
export function readDocument<T>(text: string, kind: DocumentKind<T>): ReadDocument<T> {
  const yaml = readYaml(text);
  const unreadable = yaml.problems.filter(({ code }) => code !== 'duplicateKey');
  const position = (offset: number) => toPosition(yaml, offset);

  const { problems: faults, valid } = validate(yaml, kind);
  const found = [
    ...yaml.problems,
    ...faults
      .filter(({ path }) => !unreadable.some((earlier) => isWithin(path, earlier.path)))
      .map((problem) => ({ ...problem, offset: offsetOf(yaml.source, problem) })),
  ];
  if (found.length === 0 && valid)
    return { ok: true, ...valid, locate: (path) => position(offsetOf(yaml.source, { path })) };
  const problems = found
    .sort((a, b) => a.offset - b.offset)
    .slice(0, bounds.problems)
    .map(({ offset, ...problem }) => ({ ...problem, ...position(offset) }));
  return { ok: false, problems: withoutRepeats(problems) };
}

type Outcome<T> = {
  readonly problems: readonly Problem[];
  readonly valid?: { readonly value: T; readonly document: JsonObject };
};

function validate<T>({ value, problems }: YamlDocument, kind: DocumentKind<T>): Outcome<T> {
  if (value === undefined) return { problems: [] };
  if (!isJsonObject(value)) {
    const message = `A ${kind.name} must be a section of keys; found ${show(value)}`;
    return { problems: problems.length > 0 ? [] : [{ code: 'wrongType', message, path: [] }] };
  }
  const validated = kind.validate(value);
  return validated.ok
    ? { problems: [], valid: { value: validated.value, document: value } }
    : { problems: validated.problems };
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
