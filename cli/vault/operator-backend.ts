import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { explainToken } from '../explain-token.ts';
import type { Run } from '../run.ts';

/** The same store, which is asked with the token of the context: says where that comes from when it is refused. */
export function operatorBackend(run: Pick<Run, 'io' | 'globals'>, backend: VaultBackend): VaultBackend {
  return {
    location: backend.location,
    create: (options) => explainToken(run, backend.create(options)),
    list: (type, options) => explainToken(run, backend.list(type, options)),
    read: (type, name, options) => explainToken(run, backend.read(type, name, options)),
    write: (type, name, bytes, options) => explainToken(run, backend.write(type, name, bytes, options)),
    remove: (type, name, options) => explainToken(run, backend.remove(type, name, options)),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}
