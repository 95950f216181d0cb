import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pullProgram } from './build-programs.ts';

const run = promisify(execFile);

/** An image of a repository in a registry on loopback. */
export type Pulled = { readonly host: string; readonly repository: string; readonly digest: string };

/** Fetches an image into `folder` and unpacks it there. Resolves with the milliseconds that took. */
export type Pull = (image: Pulled, folder: string) => Promise<number>;

/** `folder` may hold another image already, as a device does that is updated. */
export const pullWithHoldfast: Pull = async ({ host, repository, digest }, folder) => {
  await mkdir(folder, { recursive: true });
  await run('sync');
  const began = performance.now();
  await run(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    pullProgram,
    folder,
    host,
    `${repository}@${digest}`,
  ]);
  return performance.now() - began;
};

export const pullWithSkopeo: Pull = async ({ host, repository, digest }, folder) => {
  await mkdir(folder, { recursive: true });
  await run('sync');
  const layout = join(folder, 'layout');
  const began = performance.now();
  await run('skopeo', [
    ...['--insecure-policy', '--tmpdir', folder, 'copy', '--src-tls-verify=false'],
    ...[`docker://${host}/${repository}@${digest}`, `oci:${layout}:bench`],
  ]);
  await run('umoci', ['unpack', '--image', `${layout}:bench`, join(folder, 'bundle')]);
  return performance.now() - began;
};
