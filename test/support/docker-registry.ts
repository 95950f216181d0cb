import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../examples/story/network.ts';

export type DockerRegistry = AsyncDisposable & {
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly port: number;
};

/** What goes into its configuration, and files beside it that the configuration names. */
export type DockerRegistryOptions = {
  readonly auth?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
};

/** User `puller`, password `s3cret`, as `htpasswd -B` writes it. */
export const htpasswd = 'puller:$2b$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n';

/** Debian's docker-registry over plain HTTP on a free loopback port. `FOLDER` in the configuration is where its files are. */
export async function startDockerRegistry({
  auth,
  files = {},
}: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-docker-registry-'));
  stack.defer(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: host },
    ...(auth && { auth }),
  };
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config).replaceAll('FOLDER', folder));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  stack.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, 'exit');
  });
  const url = `http://${host}`;
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    await sleep(50);
  }
  const owned = stack.move();
  return { url, host, port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function answers(url: string): Promise<boolean> {
  try {
    const { status } = await fetch(`${url}/v2/`);
    return status === 200 || status === 401;
  } catch {
    return false;
  }
}
