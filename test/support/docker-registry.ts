import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../examples/story/network.ts';

export type DockerRegistry = AsyncDisposable & {
  /** `127.0.0.1:port`, plain HTTP. */
  readonly host: string;
};

const patienceMs = 60_000;

/** Debian's docker-registry on loopback, its blobs below `folder`. `settings` are added to its configuration, such as `auth`. */
export async function startDockerRegistry(folder: string, settings: object = {}): Promise<DockerRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'docker-registry.json');
  const storage = { filesystem: { rootdirectory: join(folder, 'docker-registry') } };
  // JSON is YAML.
  const all = { version: 0.1, log: { level: 'error' }, storage, http: { addr: host }, ...settings };
  await writeFile(config, JSON.stringify(all));
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const registry = {
    host,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  const deadline = performance.now() + patienceMs;
  while (!(await answers(`http://${host}/v2/`))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await registry[Symbol.asyncDispose]();
      throw new Error(`docker-registry does not answer at ${host}`);
    }
    await sleep(50);
  }
  return registry;
}

/** Also one that asks who is there. */
async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200 || answer?.status === 401;
}
