import { SyncError } from '../../errors.ts';

/** Whether to leave out an entry. `path`: relative to the snapshotted folder, parts divided by '/'. */
export type Exclusion = (path: string, isFolder: boolean) => boolean;

type Rule = { readonly matches: RegExp; readonly again: boolean; readonly foldersOnly: boolean };

const maxPatterns = 1_000;
const maxPatternLength = 1_024;

/**
 * Patterns as in .gitignore: the last that matches decides, `!` takes in again, a slash that is not at the end ties the pattern to the
 * snapshotted folder, one at the end asks for folders, `**` spans folders. What lies in an excluded folder is never looked at, so it
 * cannot be taken in again. Undefined when there is nothing to exclude. A SyncError `badRequest` for too many or too long patterns.
 */
export function compileExcludes(patterns: readonly string[]): Exclusion | undefined {
  if (patterns.length > maxPatterns) {
    throw new SyncError('badRequest', `${patterns.length} exclude patterns are more than ${maxPatterns}.`);
  }
  const rules = patterns.flatMap((pattern) => ruleOf(pattern) ?? []).reverse();
  if (rules.length === 0) return undefined;
  return (path, isFolder) => {
    const rule = rules.find(({ matches, foldersOnly }) => (isFolder || !foldersOnly) && matches.test(path));
    return rule !== undefined && !rule.again;
  };
}

function ruleOf(line: string): Rule | undefined {
  if (line.length > maxPatternLength) {
    throw new SyncError(
      'badRequest',
      `An exclude pattern of ${line.length} characters is longer than ${maxPatternLength}.`,
    );
  }
  // Spaces at the end count when the last is escaped.
  let pattern = line.replace(/(?<!\\) +$/, '');
  if (pattern === '' || pattern.startsWith('#')) return undefined;
  const again = pattern.startsWith('!');
  if (again) pattern = pattern.slice(1);
  const foldersOnly = pattern.endsWith('/');
  if (foldersOnly) pattern = pattern.slice(0, -1);
  const anchored = pattern.includes('/');
  if (pattern.startsWith('/')) pattern = pattern.slice(1);
  if (pattern === '') return undefined;
  const source = `^${anchored ? '' : '(?:.*/)?'}${expressionOf(pattern)}$`;
  return { matches: new RegExp(source, 'su'), again, foldersOnly };
}

/** Longest first; a piece of a pattern and what it stands for. */
const pieces: readonly (readonly [RegExp, (text: string) => string])[] = [
  [/^\*\*\//, () => '(?:.*/)?'],
  [/^\/\*\*\//, () => '/(?:.*/)?'],
  [/^\/\*\*$/, () => '/.+'],
  [/^\*+/, () => '[^/]*'],
  [/^\?/, () => '[^/]'],
  [/^\[[!^]?\]?[^\]/]*\]/, classOf],
  [/^\\./su, (text) => escaped(text.slice(1))],
  [/^./su, escaped],
];

function expressionOf(pattern: string): string {
  let expression = '';
  for (let rest = pattern; rest !== '';) {
    const atStart = rest === pattern;
    for (const [form, meaning] of pieces) {
      // Elsewhere than at the start, `**/` means something only after a slash, where the piece before has taken it.
      if (!atStart && form === pieces[0]?.[0]) continue;
      const piece = form.exec(rest)?.[0];
      if (piece === undefined) continue;
      expression += meaning(piece);
      rest = rest.slice(piece.length);
      break;
    }
  }
  return expression;
}

/** `[a-z]`, `[!a]`: never a slash. */
function classOf(text: string): string {
  const negated = /^\[[!^]/.test(text);
  const members = text.slice(negated ? 2 : 1, -1).replaceAll(/[\\\][^]/g, String.raw`\$&`);
  return negated ? `[^/${members}]` : `[${members}]`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
