import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { dockerCredentials } from '../../cli/image/docker-credentials.ts';
import type { Io } from '../../cli/io.ts';
import { temporaryFolder } from '../support/cli.ts';

test('logins are those of the user when the variables that name others are there and empty', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, '.docker'));
  const auths = { 'registry.example': { auth: Buffer.from('kim:secret').toString('base64') } };
  await writeFile(join(folder.path, '.docker', 'config.json'), JSON.stringify({ auths }));
  const env = { HOME: folder.path, DOCKER_CONFIG: '', XDG_RUNTIME_DIR: '', REGISTRY_AUTH_FILE: '' };
  expect(await dockerCredentials({ env } as unknown as Io, 'registry.example')).toEqual({
    ...{ kind: 'basic', username: 'kim', password: 'secret' },
  });
});
