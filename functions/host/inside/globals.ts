import type { Call, Invocation, Setup } from './types.ts';
import { makeFetch } from './web/fetch.ts';

/** Globals that need the host or the manifest: `fetch` with every grant of the function, and `process.env` with its secrets. */
export function makeGlobals(
  { bindings, secrets, limits }: Setup,
  call: Call,
  running: () => Invocation | undefined,
): Record<string, unknown> {
  const send: Parameters<typeof makeFetch>[0] = (args, body) => {
    const owner = running();
    if (!owner) throw new TypeError('fetch is there only while an event is handled');
    return call(owner, '', 'fetch', args, body);
  };
  const own = Object.fromEntries(
    Object.keys(bindings).flatMap((name) => {
      const value = bindings[name] === 'secret' ? secrets[name] : undefined;
      return value === undefined ? [] : [[name, value]];
    }),
  );
  // The author may write to it: it is his own copy, and nothing here reads it.
  return { fetch: makeFetch(send, limits.fetchBytes), process: { env: own } };
}
