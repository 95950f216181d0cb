import { Composer, isAlias, isMap, isScalar, isSeq, LineCounter } from 'yaml';
import type { Document, Node, Pair, ParsedNode, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { bounds, isForbiddenKey, numberFault, textFault } from './bounds.ts';
import type { JsonValue } from './json.ts';
import type { Path, Problem, ProblemCode } from './manifest-error.ts';
import { quoted, show } from './wording.ts';
import { readTokens } from './yaml-tokens.ts';

/** Where each value was written; an aliased value is where its anchor is. Offsets are in UTF-16 code units. */
export type SourceNode = {
  readonly offset: number;
  readonly keyOffset: number | undefined;
  readonly children: ReadonlyMap<string | number, SourceNode>;
};

type OffsetProblem = Problem & { readonly offset: number };

export type YamlDocument = {
  /** undefined when there is no document to go on with. */
  readonly value: JsonValue | undefined;
  readonly source: SourceNode;
  readonly problems: readonly OffsetProblem[];
  readonly lines: LineCounter;
};

/**
 * Reads one YAML 1.2 document of JSON values with the position of each. Bounds hold at every step: of the text and its
 * nesting while it is cut into tokens, of the values while aliases are expanded. Refused: other versions, other tags,
 * further documents, merge keys, keys that are no texts, keys twice.
 */
export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter();
  const nothing = { offset: 0, keyOffset: undefined, children: new Map() };
  const refuse = (problems: readonly OffsetProblem[]) => ({
    value: undefined,
    source: nothing,
    problems,
    lines,
  });

  const read = readTokens(text, lines.addNewLine);
  if (!read.ok) return refuse([problem('tooLarge', read.message, read.offset)]);

  const documents = [...new Composer({ uniqueKeys: false, resolveKnownTags: false }).compose(read.tokens)];
  const [document, second] = documents;
  if (!document?.contents)
    return refuse([problem('syntax', 'The file is empty: a machine file begins with apiVersion', 0)]);
  const faults = [...syntaxProblems(document, lines), ...(second ? [secondDocument(second)] : [])];
  if (faults.length > 0) return refuse(faults);
  return { ...new TreeReader().read(document.contents), lines };
}

/** The first fault of each line: those after it are mostly its echoes. */
function syntaxProblems(document: Document.Parsed, lines: LineCounter): OffsetProblem[] {
  const { explicit, version } = document.directives.yaml;
  if (explicit === true && version !== '1.2')
    return [problem('forbidden', `YAML ${version} is not read here: remove the %YAML line`, 0)];
  const faults = new Map<number, OffsetProblem>();
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    const { line } = lines.linePos(pos[0]);
    if (!faults.has(line))
      faults.set(line, problem('syntax', `Not valid YAML: ${firstLine(message)}`, pos[0]));
  }
  return [...faults.values()];
}

function secondDocument({ range }: Document.Parsed): OffsetProblem {
  return problem('syntax', 'A second document begins here; a machine file holds one', range[0]);
}

/** Stops the reading: a bound is broken and nothing after it can be trusted to be small. */
class BoundReached extends Error {
  readonly problem: OffsetProblem;

  constructor(problem: OffsetProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

type Read = { readonly value: JsonValue; readonly source: SourceNode };
type Place = { readonly path: Path; readonly keyOffset: number | undefined; readonly fallback: number };

class TreeReader {
  readonly #problems: OffsetProblem[] = [];
  readonly #anchors = new Map<string, Node>();
  /** Collections being read: an alias to one of them holds itself. */
  readonly #open = new Set<unknown>();
  #nodes = 0;
  #length = 0;

  read(root: ParsedNode): Pick<YamlDocument, 'value' | 'source' | 'problems'> {
    const place = { path: [], keyOffset: undefined, fallback: 0 };
    try {
      return { ...this.#node(root, place), problems: this.#problems };
    } catch (error) {
      if (!(error instanceof BoundReached)) throw error;
      const source = { offset: 0, keyOffset: undefined, children: new Map<string, SourceNode>() };
      return { value: undefined, source, problems: [...this.#problems, error.problem] };
    }
  }

  #node(node: unknown, place: Place): Read {
    const offset = offsetOf(node) ?? place.fallback;
    this.#count(place, offset);
    if (isAlias(node)) return this.#alias(node.source, place, offset);
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#collection(node, () => this.#map(node, place, offset));
    if (isSeq(node)) return this.#collection(node, () => this.#sequence(node, place, offset));
    return this.#leaf(isScalar(node) ? this.#scalar(node, place, offset) : null, place, offset);
  }

  #collection(node: YAMLMap | YAMLSeq, read: () => Read): Read {
    this.#open.add(node);
    const result = read();
    this.#open.delete(node);
    return result;
  }

  #alias(name: string, place: Place, offset: number): Read {
    const target = this.#anchors.get(name);
    if (target && !this.#open.has(target)) return this.#node(target, place);
    const why = target ? 'stands inside what it names' : 'names no anchor above it';
    this.#report('syntax', place.path, `The alias *${name} ${why}`, offset);
    return this.#leaf(null, place, offset);
  }

  #map(node: YAMLMap, place: Place, offset: number): Read {
    const value: Record<string, JsonValue> = {};
    const children = new Map<string, SourceNode>();
    for (const pair of node.items) {
      const keyOffset = offsetOf(pair.key) ?? offset;
      const key = this.#key(pair, place.path, keyOffset);
      if (key === undefined) continue;
      const path = [...place.path, key];
      if (children.has(key))
        this.#report('duplicateKey', path, `${quoted(key)} stands here a second time`, keyOffset);
      const child = this.#node(pair.value, { path, keyOffset, fallback: keyOffset });
      value[key] = child.value;
      children.set(key, child.source);
    }
    return { value, source: { offset, keyOffset: place.keyOffset, children } };
  }

  #sequence(node: YAMLSeq, place: Place, offset: number): Read {
    const items = node.items.map((item, index) =>
      this.#node(item, { path: [...place.path, index], keyOffset: undefined, fallback: offset }),
    );
    const children = new Map(items.map(({ source }, index) => [index, source]));
    return {
      value: items.map((item) => item.value),
      source: { offset, keyOffset: place.keyOffset, children },
    };
  }

  /** The text of a key, or undefined after reporting why it is none. */
  #key({ key }: Pair, path: Path, offset: number): string | undefined {
    const text = isScalar(key) ? key.value : key;
    if (typeof text !== 'string') {
      const what = isScalar(key) ? show(key.value) : 'a collection or alias';
      this.#report(
        'forbidden',
        [...path, what],
        `A key must be a text; found ${what}: put it into quotes`,
        offset,
      );
      return undefined;
    }
    const fault = this.#textFault(text, offset) ?? keyFault(text);
    if (fault === undefined) return text;
    this.#report('forbidden', [...path, text], `The key ${quoted(text)} ${fault}`, offset);
    return undefined;
  }

  #scalar({ value }: Scalar, { path }: Place, offset: number): JsonValue {
    if (typeof value === 'string') {
      const fault = this.#textFault(value, offset);
      if (fault !== undefined) this.#report('forbidden', path, `The text ${show(value)} ${fault}`, offset);
      return value;
    }
    if (typeof value === 'number') {
      const fault = numberFault(value);
      if (fault === undefined) return value;
      this.#report('forbidden', path, `The number ${String(value)} ${fault}`, offset);
    }
    return typeof value === 'boolean' ? value : null;
  }

  #leaf(value: JsonValue, { keyOffset }: Place, offset: number): Read {
    return { value, source: { offset, keyOffset, children: new Map() } };
  }

  #textFault(text: string, offset: number): string | undefined {
    this.#length += text.length;
    if (this.#length > bounds.totalLength)
      throw new BoundReached(
        problem('tooLarge', `More than ${bounds.totalLength} characters after aliases are expanded`, offset),
      );
    return textFault(text);
  }

  #count({ path }: Place, offset: number): void {
    if (path.length > bounds.depth)
      throw new BoundReached(problem('tooLarge', `Nested deeper than ${bounds.depth} levels`, offset));
    if (++this.#nodes > bounds.nodes)
      throw new BoundReached(
        problem('tooLarge', `More than ${bounds.nodes} values after aliases are expanded`, offset),
      );
  }

  #report(code: ProblemCode, path: Path, message: string, offset: number): void {
    if (this.#problems.length < bounds.problems) this.#problems.push({ code, message, path, offset });
  }
}

function keyFault(key: string): string | undefined {
  if (key === '<<') return 'is a merge key, which YAML 1.2 does not have: write the entries out';
  return isForbiddenKey(key) ? 'is not allowed anywhere' : undefined;
}

function problem(code: ProblemCode, message: string, offset: number): OffsetProblem {
  return { code, message, path: [], offset };
}

function offsetOf(node: unknown): number | undefined {
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return undefined;
  return node.range?.[0];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
