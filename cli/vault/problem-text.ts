import { grouped } from '../grouped.ts';
import { printable } from '../printable.ts';

type Problem = { readonly path: string; readonly code: string; readonly message: string };
type Problems = { readonly problems: readonly Problem[]; readonly problemCount: number };

const shown = 20;

/** A heading and a line each, the first of them; nothing when there are none. Paths are a stranger's text. */
export function formatProblems(
  { problems, problemCount }: Problems,
  { heading }: { heading: (count: number) => string },
): string[] {
  if (problemCount === 0) return [];
  const lines = problems.slice(0, shown);
  const width = Math.max(...lines.map(({ code }) => code.length));
  const rest = problemCount - lines.length;
  return [
    heading(problemCount),
    ...lines.map(
      ({ code, path, message }) => `  ${code.padEnd(width)}  ${printable(path)}: ${printable(message)}`,
    ),
    ...(rest > 0 ? [`  and ${grouped(rest)} more: --json lists them`] : []),
  ];
}
