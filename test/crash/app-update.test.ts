import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from '@jest/globals';
import { nodeFlags } from '../support/cli.ts';
import { isolationPeers, LaunchBench, until } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';

const child = join(import.meta.dirname, '../support/update-child.ts');

/** Odd generations are well, even ones are not. The steps in memory are all enumerated beside the reconciler. */
const updates = [
  { generation: 1, kill: '' },
  { generation: 3, kill: 'halt' },
  { generation: 5, kill: 'snapshot' },
  { generation: 7, kill: 'write applying' },
  { generation: 8, kill: 'write applying' },
  { generation: 12, kill: 'write trial,undo' },
  { generation: 14, kill: 'restore' },
  { generation: 16, kill: 'write rolledBack' },
  { generation: 17, kill: 'settled' },
] as const;

peerTest(
  [...isolationPeers.process],
  'an agent that is killed in the middle of an update ends at one generation, its app running on its data [G2]',
  async () => {
    await using bench = new LaunchBench({ mode: 0o711 });
    let good = 1;
    for (const { generation, kill } of updates) {
      if (kill !== '') expect(await update(bench, generation, kill)).toEqual({ killed: true, said: '' });
      if (generation % 2 === 1) good = generation;
      const phase = good === generation ? 'committed' : 'rolledBack';
      const { said } = await update(bench, generation);
      expect(JSON.parse(said)).toMatchObject({ phase, current: { generation: good } });
      await until(() => (running(bench).join() === String(good) ? true : undefined), `app ${good} alone`);
      const log = readFileSync(join(bench.root, 'volumes/data/log'), 'utf8').trim().split('\n').map(Number);
      expect({ kill, wroteLast: log.at(-1) }).toEqual({ kill, wroteLast: good });
      expect(log.filter((writer) => writer % 2 === 0)).toEqual([]);
    }
  },
  180_000,
);

async function update(
  bench: LaunchBench,
  generation: number,
  kill = '',
): Promise<{ readonly killed: boolean; readonly said: string }> {
  const args = [...nodeFlags, child, bench.root, bench.rootfs, String(generation), kill];
  const agent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(agent, 'exit');
  const said = await text(agent.stdout);
  const [code, signal] = (await ended) as [number | null, string | null];
  expect(kill === '' ? code : signal).toBe(kill === '' ? 0 : 'SIGKILL');
  return { killed: signal === 'SIGKILL', said };
}

/** Generations whose app has a process. */
function running(bench: LaunchBench): string[] {
  const found = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const [program, ...args] = argumentsOf(pid);
    const marker = args.find((arg) => arg.startsWith(`${bench.root}-`));
    if (program?.endsWith('sh') && marker) found.add(marker.slice(bench.root.length + 1));
  }
  return [...found].sort();
}

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
