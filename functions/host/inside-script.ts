/**
 * The file of the script: what runs first, then the texts of libraries that are loaded when a function uses them, each after a line
 * with its name.
 */
export type InsideScript = { readonly main: string; readonly chunks: Readonly<Record<string, string>> };

const title = '//# chunk ';

export function formatScript({ main, chunks }: InsideScript): string {
  const parts = Object.entries(chunks).map(([name, text]) => `${title}${name}\n${text.trimEnd()}\n`);
  return [`${main.trimEnd()}\n`, ...parts].join('');
}

export function mainOf(script: string): string {
  return script.split(`\n${title}`)[0] ?? '';
}

export function chunksOf(script: string): ReadonlyMap<string, string> {
  const [, ...parts] = script.split(`\n${title}`);
  return new Map(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
}
