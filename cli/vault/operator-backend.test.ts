import { expect, test } from '@jest/globals';
import { SyncError } from '../../cloud-sync/errors.ts';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import type { Io } from '../io.ts';
import { operatorBackend } from './operator-backend.ts';

const { signal } = new AbortController();
const run = { io: { env: {} } as unknown as Io, globals: { retry: 0, context: '/cloud/operator.json' } };

function refusing(code: 'unauthorized' | 'forbidden'): VaultBackend {
  const refuse = () => Promise.reject(new SyncError(code, 'Not allowed', { hint: 'Log in.' }));
  return operatorBackend(run, {
    ...{ location: 'rest:https://cloud/', create: refuse, list: refuse, read: refuse, write: refuse },
    ...{ remove: refuse, [Symbol.asyncDispose]: () => Promise.resolve() },
  });
}

const calls: readonly ((backend: VaultBackend) => Promise<unknown>)[] = [
  (backend) => backend.create({ signal }),
  (backend) => backend.list('keys', { signal }),
  (backend) => backend.read('config', '', { signal }),
  (backend) => backend.write('keys', 'a', new Uint8Array(), { signal }),
  (backend) => backend.remove('keys', 'a', { signal }),
];

test('a vault of the cloud that refuses the token of the context says which context that is', async () => {
  for (const call of calls)
    await expect(call(refusing('unauthorized'))).rejects.toMatchObject({
      message: 'Not allowed',
      hint: expect.stringContaining('The token comes from /cloud/operator.json'),
    });
});

test('what is refused for another reason is told as it is', async () => {
  for (const call of calls)
    await expect(call(refusing('forbidden'))).rejects.toMatchObject({ hint: 'Log in.' });
});
