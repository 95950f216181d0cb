import type { FileType, VaultBackend } from '../../../cloud-sync/vault/backend/backend.ts';

type Moment = { readonly type: FileType; readonly nth: number; readonly when: 'before' | 'after' };

/** Kills this process at its `nth` write of a file of a type: before anything of it is written, or once it is durable. */
export function deadlyBackend(backend: VaultBackend, { type, nth, when }: Moment): VaultBackend {
  let writes = 0;
  return {
    location: backend.location,
    create: (options) => backend.create(options),
    list: (...asked) => backend.list(...asked),
    read: (...asked) => backend.read(...asked),
    remove: (...asked) => backend.remove(...asked),
    write: async (...asked) => {
      const [written] = asked;
      const isTheOne = written === type && ++writes === nth;
      if (isTheOne && when === 'before') process.kill(process.pid, 'SIGKILL');
      await backend.write(...asked);
      if (isTheOne) process.kill(process.pid, 'SIGKILL');
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}
