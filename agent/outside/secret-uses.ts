import type { FunctionSpec } from '../../manifests/function.ts';

/** Who uses which secret: functions by the name of the secret, by bindings or as the token of an HTTP trigger. */
export function secretUses(functions: Readonly<Record<string, FunctionSpec>>): Map<string, string[]> {
  const uses = new Map<string, string[]>();
  for (const [name, spec] of Object.entries(functions))
    for (const secret of new Set([...boundSecrets(spec), ...tokens(spec)]))
      uses.set(secret, [...(uses.get(secret) ?? []), name]);
  return uses;
}

/** Secrets whose values a function is loaded with. */
export function boundSecrets({ bindings }: FunctionSpec): string[] {
  return Object.values(bindings).flatMap((grant) => ('secret' in grant ? [grant.secret] : []));
}

function tokens({ on }: FunctionSpec): string[] {
  return on.flatMap((trigger) =>
    'http' in trigger && typeof trigger.auth === 'object' ? [trigger.auth.bearer] : [],
  );
}
