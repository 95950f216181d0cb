import type { FunctionSpec } from '../../manifests/function.ts';
import { FunctionError } from '../function-error.ts';
import type { OutsideEffects } from './ports.ts';

/** What the secret bindings of one version of a function have, as it was when the version was loaded. */
export type SecretValues = {
  /** By the name of the binding. */
  readonly values: Readonly<Record<string, string>>;
  /** Names of secrets that are not set; the function cannot run without them. */
  readonly missing: readonly string[];
};

/** All values together: they travel in the header of one frame. */
const maxSecretsBytes = 512 * 1024;

/** Rejects with FunctionError `unsupported` when the values are too large together, or as `outside.secret` does. */
export async function resolveSecrets(
  name: string,
  bindings: FunctionSpec['bindings'],
  outside: Pick<OutsideEffects, 'secret'> | undefined,
): Promise<SecretValues> {
  const values: Record<string, string> = {};
  const missing: string[] = [];
  for (const [binding, grant] of Object.entries(bindings)) {
    if (!('secret' in grant)) continue;
    const value = await outside?.secret(grant.secret);
    if (value === undefined) missing.push(grant.secret);
    else values[binding] = value;
  }
  const bytes = Buffer.byteLength(JSON.stringify(values));
  if (bytes <= maxSecretsBytes) return { values, missing };
  throw new FunctionError(
    'unsupported',
    `The secrets of function ${name} have ${bytes} bytes together; at most ${maxSecretsBytes} can be given`,
    { hint: 'Store smaller secrets, or give the function fewer of them.' },
  );
}

/** FunctionError `secretMissing` when there is any. */
export function missingSecret(name: string, { missing }: SecretValues): FunctionError | undefined {
  const [first] = missing;
  if (first === undefined) return undefined;
  return new FunctionError(
    'secretMissing',
    `Function ${name} waits for ${missing.length === 1 ? 'the secret' : 'the secrets'} ${missing.join(', ')}`,
    { hint: `Set it on the device: holdfast secrets set ${first}.` },
  );
}
