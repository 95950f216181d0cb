import { hostname, userInfo } from 'node:os';
import type { MasterKey } from '../../cloud-sync/vault/format/master-key.ts';
import { createSlot } from '../../cloud-sync/vault/keys/key-slots.ts';
import { createRepository } from '../../cloud-sync/vault/open-repository.ts';
import { printable } from '../printable.ts';
import type { Run } from '../run.ts';
import { askNewSecret } from './ask-new-secret.ts';
import { openLocation } from './open-location.ts';
import { forRepository } from './repository-hint.ts';
import { locationText } from './location-text.ts';
import type { VaultOptions } from './vault-options.ts';
import { givenSecret } from './vault-secret.ts';

const secondSlot =
  'Who loses its password loses what is in it: add a second slot with holdfast vault key add.';

/** Makes a repository with one slot, for the password or passphrase of the options, or one that is asked for. */
export async function createVault(run: Run, options: VaultOptions, location: string): Promise<void> {
  const { signal } = run;
  const { kind, text } = (await givenSecret(run, options)) ?? {
    kind: 'password',
    text: await askNewSecret(run, `password of ${locationText(location)}`),
  };
  const slot = {
    kind: kind === 'passphrase' ? kind : 'password',
    password: text,
    user: userInfo().username,
    host: hostname(),
  } as const;
  await using undo = new AsyncDisposableStack();
  const backend = undo.use(await openLocation(run, location, options));
  const keys = async (key: MasterKey) => [await createSlot(key, slot)];
  await using repository = await createRepository(backend, { keys, signal });
  undo.move();
  const { id } = repository;
  run.out.result({ location: backend.location, id }, () =>
    [
      `Made the repository ${id.slice(0, 10)} in ${printable(backend.location)}.`,
      forRepository(secondSlot, location),
    ].join('\n'),
  );
}
