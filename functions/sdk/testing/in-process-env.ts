import { makeEnv, type Env } from '../../host/inside/env.ts';
import type { EnvTools } from '../../host/inside/env/encode.ts';
import type { Invocation, Setup } from '../../host/inside/types.ts';

/**
 * `env` as it is in the sandbox, but that fetch takes and gives the Request and Response of this process: those are what a function
 * that runs in it, and its test, know by these names.
 */
export function inProcessEnv(tools: EnvTools, setup: Setup, owner: Invocation): Env {
  const env = Object.entries(makeEnv(tools, setup, owner)).map(([name, binding]) => {
    const kind = setup.bindings[name];
    if (kind !== 'fetch' && kind !== 'invoke') return [name, binding] as const;
    const { invoke } = binding as { readonly invoke?: (payload?: unknown) => Promise<unknown> };
    const fetch = fetchOf(tools, name, owner);
    return [name, Object.freeze({ fetch, ...(invoke && { invoke: invoke.bind(binding) }) })] as const;
  });
  return Object.freeze(Object.fromEntries(env));
}

function fetchOf({ call }: EnvTools, binding: string, owner: Invocation): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { method, url, redirect } = request;
    const body = new Uint8Array(await request.arrayBuffer());
    const args = { method, url, headers: [...request.headers], redirect };
    const { json, payload } = await call(owner, binding, 'fetch', args, body);
    const { status, headers } = json as { status: number; headers: [string, string][] };
    // The fetch standard: these have no body, not even an empty one.
    const isNull = status === 204 || status === 205 || status === 304;
    return new Response(isNull ? null : new Uint8Array(payload?.bytes() ?? []), { status, headers });
  };
}
