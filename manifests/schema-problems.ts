import type { core } from 'zod';
import type { JsonObject } from './json.ts';
import type { Path, Problem } from './manifest-error.ts';
import { nearest } from './nearest.ts';
import { knownKeys } from './schema-keys.ts';
import { either, quoted, show, showPath } from './wording.ts';

type Issue = core.$ZodIssue;

/** Values that are secrets even when they are wrong: a plain password where its hash belongs. */
const secretKeys: ReadonlySet<unknown> = new Set(['password', 'recovery']);

/** What zod says of a value of another type; a word of the language may say more. */
const zodsOwn = 'Invalid input';

/** Says what zod found in words of the language: one problem a fault, whatever the nesting of unions. */
export function schemaProblems(issues: readonly Issue[], source: ProblemSource): Problem[] {
  return issues.flatMap((issue) => translate(issue, [], source));
}

export type ProblemSource = { readonly document: JsonObject; readonly schema: core.$ZodType };

/** `base` is the place in the document from which the path of the issue counts. */
function translate(issue: Issue, base: Path, source: ProblemSource): Problem[] {
  const path = [...base, ...issue.path.map(toPathPart)];
  const value = valueAt(source.document, path);
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return [missing(path)];
      return [
        issue.message.startsWith(zodsOwn)
          ? wrongType(path, issue.expected, value)
          : invalid(path, issue.message, value),
      ];
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(source.schema, path, key));
    case 'invalid_value':
      return [value === undefined ? missing(path) : notOneOf(path, issue.values, value)];
    case 'invalid_key':
      return [invalidKey(path, issue.issues[0]?.message ?? 'a valid key')];
    case 'invalid_union':
      return unionProblems(issue, path, source);
    case 'too_big':
      return [invalid(path, `at most ${amount(issue.maximum, issue.origin)}`, value)];
    case 'too_small':
      return [invalid(path, `at least ${amount(issue.minimum, issue.origin)}`, value)];
    default:
      return [invalid(path, issue.message, value)];
  }
}

/**
 * A union of objects is told apart by its required keys: a trigger is the one shape whose key is there. Whoever wrote none
 * or two of them is told so; else only the faults of the shape that was meant are told.
 */
function unionProblems(issue: core.$ZodIssueInvalidUnion, path: Path, source: ProblemSource): Problem[] {
  const shapes = issue.errors.map((issues) => ({
    issues,
    absent: issues
      .filter(
        ({ code, path: [key, ...rest] }) => code === 'invalid_type' && key !== undefined && rest.length === 0,
      )
      .map((absent) => toPathPart(absent.path[0] ?? ''))
      .filter((key) => valueAt(source.document, [...path, key]) === undefined),
  }));
  const value = valueAt(source.document, path);
  const meant = shapes.filter(({ absent }) => absent.length === 0);
  const [only, second] = meant;
  if (only && !second) return only.issues.flatMap((inner) => translate(inner, path, source));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [wrongType(path, 'object', value)];
  return [
    second
      ? severalShapes(path, value)
      : noShape(
          path,
          shapes.flatMap(({ absent }) => absent),
          value,
        ),
  ];
}

function severalShapes(path: Path, value: object): Problem {
  const present = Object.keys(value);
  const message = `${at(path)} has ${present.map(quoted).join(' and ')}, which exclude each other: write an entry for each`;
  return { code: 'conflict', message, path };
}

function noShape(path: Path, keys: readonly (string | number)[], value: object): Problem {
  const valid = keys.map(String);
  const present = Object.keys(value);
  const suggestion = present.map((key) => nearest(key, valid)).find((near) => near !== undefined);
  const found = present.length === 0 ? 'nothing' : present.map(quoted).join(', ');
  const message = `${at(path)} must have one of the keys ${either(valid)}; found ${found}`;
  return { code: 'missing', message, path, ...(suggestion === undefined ? {} : { suggestion }) };
}

function missing(path: Path): Problem {
  const key = path.at(-1) ?? '';
  return { code: 'missing', message: `${at(path.slice(0, -1))} lacks the key ${quoted(String(key))}`, path };
}

function wrongType(path: Path, expected: string, value: unknown): Problem {
  const hint = expected === 'string' && typeof value === 'number' ? ': put it into quotes' : '';
  const message = `${at(path)} must be ${typeName(expected)}; found ${found(path, value)}${hint}`;
  return { code: 'wrongType', message, path };
}

function unknownKey(schema: core.$ZodType, parent: Path, key: string): Problem {
  const known = knownKeys(schema, parent);
  const suggestion = nearest(key, known);
  const list = suggestion === undefined && known.length > 0 ? `; its keys are ${known.join(', ')}` : '';
  const message = `${at(parent)} has no key ${quoted(key)}${list}`;
  const path = [...parent, key];
  return { code: 'unknownKey', message, path, ...(suggestion === undefined ? {} : { suggestion }) };
}

function notOneOf(path: Path, values: readonly unknown[], value: unknown): Problem {
  const valid = values.map(String);
  const suggestion = typeof value === 'string' ? nearest(value, valid) : undefined;
  const message = `${at(path)} must be ${either(valid)}; found ${found(path, value)}`;
  return { code: 'invalidValue', message, path, ...(suggestion === undefined ? {} : { suggestion }) };
}

function invalidKey(path: Path, expected: string): Problem {
  const message = `In ${at(path.slice(0, -1))} the key ${quoted(String(path.at(-1)))} must be ${expected}`;
  return { code: 'invalidKey', message, path };
}

function invalid(path: Path, expected: string, value: unknown): Problem {
  return {
    code: 'invalidValue',
    message: `${at(path)} must be ${expected}; found ${found(path, value)}`,
    path,
  };
}

function found(path: Path, value: unknown): string {
  return secretKeys.has(path.at(-1)) ? 'something else (not shown)' : show(value);
}

function at(path: Path): string {
  return path.length === 0 ? 'The file' : showPath(path);
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section of keys',
  record: 'a section of keys',
};

function typeName(expected: string): string {
  return typeNames[expected] ?? expected;
}

function amount(count: number | bigint, origin: string): string {
  if (origin === 'string') return `${count} characters long`;
  if (origin === 'array') return `${count} ${count === 1 ? 'entry' : 'entries'} long`;
  return String(count);
}

function toPathPart(part: PropertyKey): string | number {
  return typeof part === 'symbol' ? part.toString() : part;
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    document,
  );
}
