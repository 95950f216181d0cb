import type { FunctionSpec } from '../../manifests/function.ts';
import type { Machine } from '../../manifests/index.ts';

/** What of a machine names secrets, but for its apps, which say so themselves. */
type Users = Pick<Machine, 'functions' | 'bridges' | 'listeners' | 'registries' | 'vault'>;
type Use = readonly [user: string, secrets: readonly (string | undefined)[]];

/** Who uses which secret, by the name of the secret: functions by their names, everything else by its place in the manifest. */
export function secretUses({
  functions,
  bridges,
  listeners,
  registries,
  vault,
}: Users): Map<string, string[]> {
  const users: Use[] = [
    ...entriesOf(functions, '', (spec) => [...boundSecrets(spec), ...tokens(spec)]),
    ...entriesOf(bridges, 'bridges.', ({ password, tls }) => [password, ...Object.values(tls)]),
    ...entriesOf(listeners, 'listeners.', ({ tls = {} }) => Object.values(tls)),
    ...entriesOf(registries, 'registries.', ({ login, tls }) => [login, ...Object.values(tls)]),
    ['vault', [vault?.login]],
  ];
  const uses = new Map<string, string[]>();
  for (const [user, secrets] of users)
    for (const secret of new Set(secrets))
      if (secret !== undefined) uses.set(secret, [...(uses.get(secret) ?? []), user]);
  return uses;
}

/** Secrets whose values a function is loaded with. */
export function boundSecrets({ bindings }: FunctionSpec): string[] {
  return Object.values(bindings).flatMap((grant) => ('secret' in grant ? [grant.secret] : []));
}

function entriesOf<T>(
  specs: Readonly<Record<string, T>>,
  prefix: string,
  secretsOf: (spec: T) => Use[1],
): Use[] {
  return Object.entries(specs).map(([name, spec]) => [`${prefix}${name}`, secretsOf(spec)]);
}

function tokens({ on }: FunctionSpec): string[] {
  return on.flatMap((trigger) =>
    'http' in trigger && typeof trigger.auth === 'object' ? [trigger.auth.bearer] : [],
  );
}
