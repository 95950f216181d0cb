import { ports } from '../ports.ts';

const NativeFunction = Function;
const loaded = new Map<string, unknown>();

/**
 * The exports of a library that few functions use: its text is with the host, so that isolates without it are smaller and start
 * sooner. Evaluated at most once.
 */
export function loadChunk(name: 'streams' | 'url-pattern' | 'codecs'): unknown {
  if (!loaded.has(name)) {
    const text = ports.ask('chunk', name);
    if (text === '') throw new Error(`There is no ${name} in this host`);
    const evaluate = NativeFunction(
      `${text}\nreturn chunk;\n//# sourceURL=holdfast:${name}`,
    ) as () => unknown;
    loaded.set(name, evaluate());
  }
  return loaded.get(name);
}
