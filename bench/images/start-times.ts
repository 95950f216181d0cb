import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openApps } from '../../agent/apps/open-apps.ts';
import type { StoredImage } from '../../agent/apps/ports.ts';
import { freePort } from '../../examples/story/network.ts';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema } from '../../manifests/machine.ts';

const run = promisify(execFile);
const runcProgram = 'runc';
const askEveryMs = 2;
const patienceMs = 30_000;
const noSecrets = { get: () => Promise.resolve(undefined), onChange: () => () => undefined };

export type StartTimes = { readonly holdfastMs: number[]; readonly runcMs: number[] };

/**
 * From the wish to run a container to its first good answer over HTTP, alternating: by the supervisor, with its health check, and by `runc
 * run` with a copy of the very bundle that the supervisor made, asked every 2 ms.
 */
export async function measureStarts(root: string, image: StoredImage, rounds: number): Promise<StartTimes> {
  await using stack = new AsyncDisposableStack();
  await mkdir(root, { recursive: true });
  const port = await freePort();
  const apps = await openApps(
    { root, device: 'bench', mqttPort: 1, secrets: noSecrets, logger: silentLogger },
    stack,
  );
  const { supervisor } = apps;
  const machine = machineOf(port, image);
  const nothing = machineSchema.parse({ ...header });
  const images = new Map([['bench', image]]);
  const times: StartTimes = { holdfastMs: [], runcMs: [] };
  const bundle = join(root, 'bundle-by-hand');
  const { signal } = new AbortController();
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    await supervisor.configure(machine, images);
    await supervisor.settled(signal);
    times.holdfastMs.push(performance.now() - began);
    if (round === 0) await copyBundle(join(root, 'apps/run'), bundle);
    await supervisor.configure(nothing, new Map());
    times.runcMs.push(await startByHand(bundle, port, `bench-by-hand-${round}`));
  }
  return times;
}

const header = { apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: 'bench' } };

function machineOf(port: number, { digest }: StoredImage) {
  return machineSchema.parse({
    ...header,
    apps: {
      bench: {
        image: `bench@${digest}`,
        run: { command: ['/usr/bin/node', '/app/server.mjs'], env: { PORT: String(port) }, ports: [port] },
        health: { http: `http://127.0.0.1:${port}/` },
      },
    },
  });
}

/** The one instance's, with a control group of its own, and what it has in its folder. */
async function copyBundle(runFolder: string, bundle: string): Promise<void> {
  const [instance = ''] = await readdir(runFolder);
  const from = join(runFolder, instance);
  await cp(from, bundle, { recursive: true });
  const path = join(bundle, 'config.json');
  const text = (await readFile(path, 'utf8')).replaceAll(`"${from}`, `"${bundle}`);
  const config = JSON.parse(text) as { linux?: { cgroupsPath?: string } };
  if (config.linux) delete config.linux.cgroupsPath;
  await writeFile(path, JSON.stringify(config));
}

async function startByHand(bundle: string, port: number, id: string): Promise<number> {
  const began = performance.now();
  const child = spawn(runcProgram, ['run', '--bundle', bundle, id], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  await untilAnswered(port);
  const elapsedMs = performance.now() - began;
  await run(runcProgram, ['kill', id, 'KILL']);
  await exited;
  await run(runcProgram, ['delete', '--force', id]);
  return elapsedMs;
}

async function untilAnswered(port: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await answers(port))) {
    if (performance.now() > deadline) throw new Error('The container that runc ran does not answer');
    await sleep(askEveryMs);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
