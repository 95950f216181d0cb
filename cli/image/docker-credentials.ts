import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { RegistryCredentials } from '../../cloud-sync/oci/index.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import type { Io } from '../io.ts';
import { setting } from '../setting.ts';

/** As `docker login`, `podman login` and `skopeo login` write it; what helpers keep elsewhere is not looked for. */
const fileSchema = z.looseObject({
  auths: z.record(z.string(), z.looseObject({ auth: z.string().max(65_536).optional() })).default({}),
});

const maxBytes = 2 ** 20;

/** The user and password for a registry that this user logged in to with one of those tools, by its `host[:port]`. */
export async function dockerCredentials(io: Io, host: string): Promise<RegistryCredentials | undefined> {
  for (const path of files(io.env)) {
    const entry = (await readAuths(io, path))[host];
    const [, username, password] = /^([^:]+):([^]*)$/.exec(decode(entry?.auth ?? '')) ?? [];
    if (username !== undefined && password !== undefined) return { kind: 'basic', username, password };
  }
  return undefined;
}

function files(env: Io['env']): string[] {
  const named = setting(env, 'REGISTRY_AUTH_FILE');
  const runtime = setting(env, 'XDG_RUNTIME_DIR');
  const home = setting(env, 'HOME') ?? homedir();
  return [
    ...(named === undefined ? [] : [named]),
    ...(runtime === undefined ? [] : [join(runtime, 'containers', 'auth.json')]),
    join(setting(env, 'DOCKER_CONFIG') ?? join(home, '.docker'), 'config.json'),
  ];
}

async function readAuths(io: Io, path: string): Promise<z.output<typeof fileSchema>['auths']> {
  try {
    const text = await readInput(io, path, { what: 'registry logins', maxBytes });
    return fileSchema.parse(JSON.parse(text)).auths;
  } catch (cause) {
    if (cause instanceof CliError && cause.code === 'notFound') return {};
    throw new CliError('invalidFile', `Cannot read the registry logins in ${path}.`, {
      cause,
      hint: 'Log in again, or name another file by REGISTRY_AUTH_FILE.',
    });
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
