import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from '@jest/globals';
import { builtChild } from '../support/built-program.ts';
import { nodeFlags } from '../support/cli.ts';
import { isolationPeers, LaunchBench, until } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';

/** Odd generations are well, even ones are not. The steps in memory are all enumerated beside the reconciler. */
const updates = [
  { generation: 1, kill: '' },
  { generation: 3, kill: 'halt' },
  { generation: 5, kill: 'write applying' },
  { generation: 8, kill: 'write trial,undo' },
  { generation: 10, kill: 'restore' },
  { generation: 12, kill: 'write rolledBack' },
] as const;

peerTest(
  [...isolationPeers.process],
  'an agent that is killed in the middle of an update ends at one generation, its app running on its data [G2]',
  async () => {
    await using bench = new LaunchBench({ mode: 0o711 });
    let good = 1;
    for (const { generation, kill } of updates) {
      if (kill !== '') await update(bench, generation, kill);
      if (generation % 2 === 1) good = generation;
      const phase = good === generation ? 'committed' : 'rolledBack';
      expect(JSON.parse(await update(bench, generation))).toMatchObject({
        phase,
        current: { generation: good },
      });
      await until(() => (running(bench).join() === String(good) ? true : undefined), `app ${good} alone`);
      // Its process is there a moment before it writes.
      const log = () =>
        readFileSync(join(bench.root, 'volumes/data/log'), 'utf8').trim().split('\n').map(Number);
      await until(() => (log().at(-1) === good ? true : undefined), `word of app ${good} after ${kill}`);
      expect(log().filter((writer) => writer % 2 === 0)).toEqual([]);
    }
  },
  180_000,
);

/** What the agent said at its end; it was killed, or ended by itself. */
async function update(bench: LaunchBench, generation: number, kill = ''): Promise<string> {
  const args = [...nodeFlags, builtChild('update-child'), bench.root, bench.rootfs, String(generation), kill];
  const agent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(agent, 'exit');
  const said = await text(agent.stdout);
  const [code, signal] = (await ended) as [number | null, string | null];
  expect({ kill, code, signal }).toEqual({ kill, ...(kill === '' ? clean : killed) });
  return said;
}

const clean = { code: 0, signal: null };
const killed = { code: null, signal: 'SIGKILL' };

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
