import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { temporaryFolder } from './cli.ts';

export type RestServer = AsyncDisposable & { readonly url: string; readonly folder: string };

/** Debian's `rclone serve restic` over a temporary folder, on a free loopback port. */
export async function startRclone(...options: string[]): Promise<RestServer> {
  const temporary = await temporaryFolder();
  const args = ['serve', 'restic', temporary.path, '--addr', '127.0.0.1:0', ...options];
  const child = spawn('rclone', [...args, '--config', '/dev/null', '--verbose'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    const [url] = /http:\/\/127\.0\.0\.1:[0-9]+\//.exec(line) ?? [];
    if (url !== undefined) resolve(url);
  });
  void ended.then(() => reject(new Error(`rclone ended: ${said.join('\n')}`)));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    await temporary[Symbol.asyncDispose]();
  };
  try {
    return { url: await promise, folder: temporary.path, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
