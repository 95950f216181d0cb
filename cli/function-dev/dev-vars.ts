import { parseEnv } from 'node:util';
import type { FunctionSpec } from '../../manifests/function.ts';

/**
 * The secrets of a function by their names, from the text of `.dev.vars`: lines of NAME=value, as for wrangler. NAME is that of the binding
 * or of the secret.
 */
export function secretsFrom(text: string, bindings: FunctionSpec['bindings']): Record<string, string> {
  const values = parseEnv(text);
  const granted = Object.entries(bindings).flatMap(([binding, grant]) => {
    if (!('secret' in grant)) return [];
    const value = values[binding] ?? values[grant.secret];
    return value === undefined ? [] : [[grant.secret, value] as const];
  });
  return Object.fromEntries(granted);
}

/** Names of the secrets that bindings name and that have no value. */
export function missingSecrets(
  secrets: Readonly<Record<string, string>>,
  bindings: FunctionSpec['bindings'],
): string[] {
  const named = Object.values(bindings).flatMap((grant) => ('secret' in grant ? [grant.secret] : []));
  return [...new Set(named)].filter((name) => !Object.hasOwn(secrets, name));
}
