import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/cli.ts';
import { FileBlobWriter } from '../../oci/blob-writer.ts';
import { UploadSessions } from './upload-sessions.ts';

test('an upload that begins while the registry closes is refused, and its file is closed and gone', async () => {
  await using folder = await temporaryFolder();
  const asked = Promise.withResolvers<undefined>();
  const closing = Promise.withResolvers<undefined>();
  const store = {
    createBlobWriter: async ({ maxBytes }: { readonly maxBytes: number }) => {
      asked.resolve(undefined);
      await closing.promise;
      return FileBlobWriter.open({
        ...{ path: join(folder.path, 'partial'), target: () => join(folder.path, 'blob') },
        ...{ maxBytes, resumable: false, onClose: () => undefined },
      });
    },
  };
  const sessions = new UploadSessions({
    ...{ store, maxBlobBytes: 100, maxSessions: 2, idleMs: 1000, now: () => 0 },
  });
  const beginning = sessions.begin('app');
  beginning.catch(() => undefined);
  await asked.promise;
  await sessions[Symbol.asyncDispose]();
  closing.resolve(undefined);
  await expect(beginning).rejects.toMatchObject({ specCode: 'UNKNOWN', status: 503 });
  expect(await readdir(folder.path)).toEqual([]);
});
