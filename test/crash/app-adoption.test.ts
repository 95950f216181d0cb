import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { claimOf } from '../../agent/apps/run/claim.ts';
import { spawnApp } from '../../agent/apps/run/spawn-command.ts';
import type { LaunchSpec, Launcher } from '../../agent/apps/ports.ts';
import { builtChild } from '../support/built-program.ts';
import { nodeFlags } from '../support/cli.ts';
import { isolationPeers, isolations, LaunchBench, until } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';
import { seededRandom } from '../support/random.ts';

const peers = isolations.flatMap((isolation) => [...isolationPeers[isolation]]);
const kills = 4;
/** Ours among all of the machine. */
const token = `token-${process.pid}`;

peerTest(
  peers,
  'an agent that is killed anywhere leaves apps that the next one finds, and none runs twice [G2]',
  async () => {
    const random = seededRandom(20_011);
    for (let kill = 0; kill < kills; kill += 1) {
      await using bench = new LaunchBench({ mode: 0o711 });
      const volume = await bench.volume('runs');
      await killedAfter(
        random() * 400,
        bench,
        isolations.map((isolation) => specOf(bench, isolation, volume)),
      );
      await using launcher = await bench.open();
      const adopted = await tokensOf(bench, launcher);
      await until(
        () => (same(liveTokens(), adopted) ? true : undefined),
        `agreement: ${adopted.join()} and ${liveTokens().join()}`,
      );
      const begun = () => readFileSync(join(volume, 'begun'), 'utf8').trim().split('\n').sort();
      // One that was on its way when its agent was killed may need a moment yet.
      const lacking = () => adopted.filter((name) => !begun().includes(name));
      await until(() => (lacking().length === 0 ? true : undefined), `word of ${lacking().join()}`);
      expect(begun()).toEqual([...new Set(begun())]);
    }
  },
  180_000,
);

peerTest(peers, 'what ended while no agent was there is told of, with its last lines', async () => {
  await using bench = new LaunchBench({ mode: 0o711 });
  const former = await bench.open();
  const volume = await bench.volume('runs');
  for (const isolation of isolations) {
    const wait = isolation === 'process' ? `${volume}/go` : '/data/go';
    const script = `while ! [ -e ${wait} ]; do sleep 0.02; done; echo last of ${isolation}; exit 9`;
    await former.start(bench.spec(isolation, script, { mounts: [mountOf(volume)] }));
  }
  await former[Symbol.asyncDispose]();
  bench.lines.length = 0;
  await bench.write('runs/go');
  await until(() => (exits(bench) === isolations.length ? true : undefined), 'ends');
  await using launcher = await bench.open();
  expect(await launcher.adopt()).toEqual([]);
  expect(bench.lines.map(({ text }) => text).sort()).toEqual(
    isolations.map((name) => `last of ${name}`).sort(),
  );
  const told = bench.events.filter(({ event }) => event === 'app.ended');
  expect(told.map(({ exit }) => exit)).toEqual(isolations.map(() => ({ kind: 'exited', code: 9 })));
  expect(readdirSync(join(bench.root, 'apps/run'))).toEqual([]);
});

peerTest(peers, 'an app whose parent was killed is lost, and ended', async () => {
  await using bench = new LaunchBench({ mode: 0o711 });
  await using launcher = await bench.open();
  const volume = await bench.volume('runs');
  for (const isolation of isolations) {
    const app = await launcher.start(specOf(bench, isolation, volume));
    const [pid = ''] = /^[0-9a-f-]+ (\d+)/.exec(readFileSync(pidFile(bench, app.id), 'utf8'))?.slice(1) ?? [];
    process.kill(Number(pid), 'SIGKILL');
    expect(await app.exited).toEqual({ kind: 'lost' });
    await until(() => (liveTokens().length === 0 ? true : undefined), `end of ${liveTokens().join()}`);
    expect(existsSync(join(bench.root, 'apps/run', app.id))).toBe(false);
  }
});

peerTest(
  ['setpriv'],
  'of all who would run an app one does, and none once an agent has taken the claim',
  async () => {
    await using bench = new LaunchBench();
    const folders = await Promise.all(['many', 'late'].map((name) => bench.volume(name)));
    const [many = '', late = ''] = folders;
    const command = { args: ['sh', '-c', 'echo $$ >>ran'], redirections: '</dev/null', groups: [] };
    await Promise.all(Array.from({ length: 8 }, () => once(spawnApp(many, command), 'exit')));
    expect(readFileSync(join(many, 'ran'), 'utf8').trim().split('\n')).toHaveLength(1);
    expect(readFileSync(join(many, 'exit'), 'utf8')).toBe('0\n');
    expect(await claimOf(many)).toMatchObject({ kind: 'ended' });
    expect(await claimOf(late)).toEqual({ kind: 'lost' });
    await once(spawnApp(late, command), 'exit');
    expect(existsSync(join(late, 'ran'))).toBe(false);
    // Made by one that was killed before it could say who it is.
    const mute = await bench.volume('mute');
    writeFileSync(join(mute, 'pid'), '');
    writeFileSync(join(mute, 'claim.1'), readFileSync(join(many, 'pid')));
    expect(await claimOf(mute)).toEqual({ kind: 'lost' });
  },
);

/** Says its token once and goes on for ever. */
function specOf(bench: LaunchBench, isolation: LaunchSpec['isolation'], volume: string): LaunchSpec {
  const file = isolation === 'process' ? join(volume, 'begun') : '/data/begun';
  const script = `echo "$1" >>${file}; while :; do sleep 0.05; done`;
  const args = ['sh', '-c', script, 'app', token];
  return bench.spec(isolation, script, { args, mounts: [mountOf(volume)] });
}

function mountOf(source: string) {
  return { source, target: '/data', readOnly: false };
}

async function killedAfter(ms: number, bench: LaunchBench, specs: readonly LaunchSpec[]): Promise<void> {
  const parameters = [...nodeFlags, builtChild('launcher-child'), bench.root, JSON.stringify(specs)];
  const agent = spawn(process.execPath, parameters, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(agent.stdout, 'data');
  // The first one has begun: there is always something to find.
  await until(() => (existsSync(join(bench.root, 'volumes/runs/begun')) ? true : undefined), 'first app');
  await sleep(ms);
  agent.kill('SIGKILL');
  await once(agent, 'exit');
}

async function tokensOf(bench: LaunchBench, launcher: Launcher): Promise<string[]> {
  const adopted = await launcher.adopt();
  return adopted
    .map(({ id }) => readFileSync(join(bench.root, 'apps/run', id, 'instance.json'), 'utf8'))
    .map((text) => (JSON.parse(text) as { spec: LaunchSpec }).spec.args.at(-1) ?? '')
    .sort();
}

/** Of all processes of this machine: parents, runtimes and apps. */
function liveTokens(): string[] {
  const found = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const last = commandOf(pid).split('\0').at(-2);
    if (last?.startsWith(token)) found.add(last);
  }
  return [...found].sort();
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function exits(bench: LaunchBench): number {
  const runs = join(bench.root, 'apps/run');
  return readdirSync(runs).filter((id) => existsSync(join(runs, id, 'exit'))).length;
}

function pidFile(bench: LaunchBench, id: string): string {
  return join(bench.root, 'apps/run', id, 'pid');
}

function same(some: readonly string[], others: readonly string[]): boolean {
  return some.join() === others.join();
}
