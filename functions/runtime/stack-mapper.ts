import { SourceMap } from 'node:module';

/** Maps are made by tenants: larger ones are not read inside the agent. */
const maxMapChars = 2 * 2 ** 20;
/** A map may call a source by a name of megabytes, and a stack may ask for it hundreds of times. */
const maxSourceChars = 256;
const frame = /function\.js:(\d{1,9}):(\d{1,9})/g;

/** Rewrites `function.js:line:column` to the author's file; leaves out the frames of the sandbox. Reads the map at the first error. */
export function stackMapper(sourceMap: string | undefined): (stack: string) => string {
  let map: SourceMap | undefined;
  const load = () => {
    if (sourceMap === undefined || sourceMap.length > maxMapChars) return undefined;
    try {
      return (map ??= new SourceMap(JSON.parse(sourceMap) as ConstructorParameters<typeof SourceMap>[0]));
    } catch {
      return undefined;
    }
  };
  return (stack) => {
    const own = stack
      .split('\n')
      .filter((line) => !/holdfast:inside|<isolated-vm|^\s*at .*\bfile:\/\//.test(line))
      .join('\n');
    return own.replace(frame, (text: string, line: string, column: string) => {
      const entry = load()?.findEntry(Number(line) - 1, Number(column) - 1);
      return entry && 'originalSource' in entry
        ? `${entry.originalSource.slice(-maxSourceChars)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
        : text;
    });
  };
}
