import type { SecretStore } from '../outside/secret-store.ts';
import { AgentError } from '../errors.ts';
import { secretRequestSchema, type Secrets } from './protocol.ts';

/** What an operator may do with secrets: everything but read one. */
export type SecretDesk = {
  readonly store: Pick<SecretStore, 'list' | 'set' | 'remove'>;
  /** Who uses a secret, by its name. */
  readonly uses: () => ReadonlyMap<string, readonly string[]>;
};

type Answer = (desk: SecretDesk, name: string, input: unknown) => Promise<object>;

const answers: Readonly<Record<string, Answer>> = {
  PUT: async ({ store, uses }, name, input) => {
    const { value } = secretRequestSchema.parse(input);
    await store.set(name, value);
    return { usedBy: uses().get(name) ?? [] };
  },
  DELETE: async ({ store, uses }, name) => {
    if (await store.remove(name)) return { usedBy: uses().get(name) ?? [] };
    throw new AgentError('unknownSecret', `There is no secret ${name} on this device`, {
      hint: 'See those that are there: holdfast secrets ls.',
    });
  },
};

/** What `PUT` or `DELETE /v1/secrets/{name}` asks for, with the name as it was written; undefined when it is none of these. */
export function secretRoute(
  method: string,
  path: string,
): { readonly name: string; readonly answer: Answer } | undefined {
  const name = /^\/v1\/secrets\/([^/]+)$/.exec(path)?.[1];
  const answer = Object.hasOwn(answers, method) ? answers[method] : undefined;
  return name === undefined || !answer ? undefined : { name, answer };
}

/** The answer to `GET /v1/secrets`: those that are set, and those that the manifest names and nobody has set. */
export async function listSecrets({ store, uses }: SecretDesk): Promise<Secrets> {
  const used = uses();
  const present = await store.list();
  const names = new Set(present.map(({ name }) => name));
  const missing = [...used.keys()].filter((name) => !names.has(name)).map((name) => ({ name, set: null }));
  const secrets = [...present, ...missing].map(({ name, set }) => ({
    ...{ name, set },
    usedBy: [...(used.get(name) ?? [])],
  }));
  return { secrets: secrets.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
