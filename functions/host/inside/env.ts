import type { BoundCall, BoundTell, EnvTools } from './env/encode.ts';
import { Fetcher } from './env/fetcher.ts';
import { Invoker } from './env/invoker.ts';
import { KeyValue } from './env/key-value.ts';
import { Publisher } from './env/publisher.ts';
import { QueueSender } from './env/queue-sender.ts';
import { Shadow } from './env/shadow.ts';
import type { Invocation, Setup } from './types.ts';

export type Env = Readonly<Record<string, unknown>>;

/** `env` of one invocation: exactly the bindings the manifest names. */
export function makeEnv(tools: EnvTools, { bindings, secrets }: Setup, owner: Invocation): Env {
  const env = tools.safe.empty();
  for (const name in bindings) {
    env[name] =
      bindings[name] === 'secret' ? secrets[name] : bindingOf(bindings[name], tools, { owner, name });
  }
  return Object.freeze(env);
}

type Bound = { readonly owner: Invocation; readonly name: string };

function bindingOf(kind: string | undefined, tools: EnvTools, { owner, name }: Bound): unknown {
  const call: BoundCall = (method, args, payload) => tools.call(owner, name, method, args, payload);
  const tell: BoundTell = (method, args, payload) => tools.tell(owner, name, method, args, payload);
  switch (kind) {
    case 'publish':
      return Object.freeze(new Publisher(tools, { call, tell }));
    case 'kv':
      return Object.freeze(new KeyValue(tools, call));
    case 'fetch':
      return Object.freeze(new Fetcher(tools, call));
    case 'queue':
      return Object.freeze(new QueueSender(tools, call));
    case 'invoke':
      return Object.freeze(new Invoker(tools, call));
    case 'shadow':
      return Object.freeze(new Shadow(tools, call));
    default:
      throw new Error(`A binding of kind ${kind ?? 'none'} is not known here`);
  }
}
