import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Narrator } from '../../examples/story/narrator.ts';
import { freePort } from '../../examples/story/network.ts';
import { holdfast, Service } from '../../examples/story/processes.ts';
import { ProcessTree } from '../vault/process-tree.ts';

const program = fileURLToPath(new URL('../../dist/holdfast.mjs', import.meta.url));
const device = 'bench-device';
const lookEveryMs = 20;

export type AgentMemory = {
  /** Peak resident memory of the agent's process (VmHWM) over its life, the pull in it. */
  readonly agentBytes: number;
  /** Peaks of the agent and of every process it started, added up. */
  readonly allBytes: number;
};

/** A cloud and an agent, both the built program; the agent pulls an image from the cloud's registry and unpacks it. */
export async function measureAgentMemory(folder: string, layout: string): Promise<AgentMemory> {
  await using stack = new AsyncDisposableStack();
  const { signal } = new AbortController();
  const environment = { HOLDFAST_CONTEXT: join(folder, 'cloud', 'operator.json') };
  const common = { environment, narrator: new Narrator(false), program };
  const run = (...words: string[]) => holdfast(words, environment, signal, program);
  const cloudPorts = ['--api-port', String(await freePort()), '--mqtt-port', String(await freePort())];
  const cloud = stack.use(
    new Service({
      name: 'cloud',
      parameters: ['cloud', 'up', '--folder', join(folder, 'cloud'), ...cloudPorts],
      ...common,
    }),
  );
  await cloud.start();
  const { pinned } = (await run('image', 'push', layout, 'bench/image:large')) as { pinned: string };

  const { token } = (await run('devices', 'enrol', device)) as { token: string };
  const root = join(folder, 'device');
  const parameters = [
    'agent',
    'up',
    '--root',
    root,
    '--mqtt-port',
    String(await freePort()),
    '--token',
    token,
  ];
  const agent = stack.use(new Service({ name: 'agent', parameters, ...common }));
  await agent.start();
  const status = (await run('status', '--root', root)) as { pid: number };
  const manifest = join(folder, 'machine.yaml');
  await writeFile(manifest, manifestOf(pinned));

  const tree = new ProcessTree(status.pid);
  const looking = setInterval(() => tree.look(), lookEveryMs);
  try {
    await run('deploy', manifest, '--wait', '5m');
    tree.look();
  } finally {
    clearInterval(looking);
  }
  return { agentBytes: await peakOf(status.pid), allBytes: tree.peakBytes };
}

function manifestOf(image: string): string {
  return JSON.stringify({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: device },
    apps: { large: { image, site: { route: '/large' } } },
  });
}

async function peakOf(pid: number): Promise<number> {
  const [, kilobytes = ''] = /^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
