import { hostname, userInfo } from 'node:os';
import { wrapKey } from '../../cloud-sync/vault/format/key-file.ts';
import { createRepository } from '../../cloud-sync/vault/open-repository.ts';
import { printable } from '../printable.ts';
import type { Run } from '../run.ts';
import { askNewSecret } from './ask-new-secret.ts';
import { openLocation } from './open-location.ts';
import type { VaultOptions } from './vault-options.ts';
import { givenSecret, slotPassword } from './vault-secret.ts';

/** Makes a repository with one slot, for the password or passphrase of the options, or one that is asked for. */
export async function createVault(run: Run, options: VaultOptions, location: string): Promise<void> {
  const { signal } = run;
  const secret = (await givenSecret(run, options)) ?? {
    kind: 'password',
    password: await askNewSecret(run, `password of ${location}`),
  };
  const slot = { user: userInfo().username, host: hostname() };
  await using undo = new AsyncDisposableStack();
  const backend = undo.use(await openLocation(run, location, options));
  await using repository = await createRepository(backend, {
    keys: async (key) => [
      await wrapKey(key, slotPassword(secret), {
        ...slot,
        ...(secret.kind === 'passphrase' && { holdfast: { slot: 'passphrase' as const } }),
      }),
    ],
    signal,
  });
  undo.move();
  const { id } = repository;
  run.out.result({ location: backend.location, id }, () =>
    [
      `Made the repository ${id.slice(0, 10)} in ${printable(backend.location)}.`,
      'Who loses its password loses what is in it: add a second slot with holdfast vault key add.',
    ].join('\n'),
  );
}
