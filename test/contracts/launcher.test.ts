import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import type { LaunchSpec, Launcher } from '../../agent/apps/ports.ts';
import { isolationPeers, isolations, LaunchBench, until } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';
import { isRunning } from '../support/processes.ts';

const forever = 'while :; do sleep 0.05; done';
const stopNow = { signal: 'SIGTERM', graceMs: 20_000 } as const;
const never = { timeoutMs: 30_000, signal: new AbortController().signal };

describe.each(isolations)('an app as a %s', (isolation) => {
  // Without a root of its own, an app of another user must find its program in the agent's folder.
  const bench = new LaunchBench({ mode: isolation === 'process' ? 0o711 : 0o700 });
  let opened: Promise<Launcher & AsyncDisposable> | undefined;
  const launch = async (script: string, rest: Partial<LaunchSpec> = {}) => {
    bench.lines.length = 0;
    const launcher = await (opened ??= bench.open());
    return launcher.start(bench.spec(isolation, script, rest));
  };
  const isolated = (sentence: string, body: () => Promise<void>): void =>
    peerTest([...isolationPeers[isolation]], sentence, body);
  const runs = () => readdirSync(join(bench.root, 'apps/run'));
  afterAll(() => bench[Symbol.asyncDispose]());

  isolated('has its arguments, its environment and no other, its user, and nothing to read', async () => {
    const odd = 'it\'s\n$HOME `x` \\ "y"';
    const app = await launch('env; echo "[$1]"; cat; id -u; id -g; umask; echo end', {
      env: ['PATH=/bin', `ODD=${odd}`, 'EMPTY='],
      user: { uid: 1234, gid: 5678, groups: [] },
      args: ['sh', '-c', 'env; echo "[$1]"; cat; id -u; id -g; umask; echo end', 'sh', odd],
    });
    expect(await app.exited).toEqual({ kind: 'exited', code: 0 });
    const said = bench.output();
    expect(said).toContain(`[${odd}]\n1234\n5678\n0022\nend`);
    expect(said).toContain(`ODD=${odd}\n`);
    // The tree's shell adds PWD, a runtime HOME; without a root of its own an app has its mark.
    const names = [...said.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    const added = ['PWD', ...(isolation === 'container' ? ['HOME'] : [])];
    const marked = isolation === 'process' ? ['HOLDFAST_INSTANCE'] : [];
    expect(names.sort()).toEqual(['EMPTY', 'ODD', 'PATH', ...added, ...marked].sort());
  });

  isolated('keeps what is in its environment out of the arguments of all processes', async () => {
    const app = await launch(`echo ready; ${forever}`, { env: ['PATH=/bin', 'PASSWORD=correct-horse'] });
    await bench.heard(/ready/);
    const commands = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => read(`/proc/${pid}/cmdline`));
    await app.stop(stopNow);
    expect(commands.filter((command) => command.includes(bench.root)).length).toBeGreaterThan(0);
    expect(commands.filter((command) => command.includes('correct-horse'))).toEqual([]);
  });

  isolated('says how it ended: with a status, or by a signal', async () => {
    expect(await (await launch('exit 3')).exited).toEqual({ kind: 'exited', code: 3 });
    const app = await launch(forever);
    const pid = await until(() => app.pid ?? undefined, 'process');
    process.kill(pid, 'SIGKILL');
    expect(await app.exited).toEqual({ kind: 'killed', signal: 'SIGKILL', outOfMemory: false });
    expect(runs()).toEqual([]);
  });

  isolated('gives each line of both outputs, in order, the last without an end too', async () => {
    const app = await launch(
      'echo one; echo two; echo three >&2; head -c 20000 /dev/zero; echo; printf four',
    );
    await app.exited;
    const of = (stream: string) =>
      bench.lines.filter((line) => line.stream === stream).map(({ text }) => text);
    expect(of('stdout')).toEqual(['one', 'two', '\0'.repeat(16_384), 'four']);
    expect(of('stderr')).toEqual(['three']);
    expect(new Set(bench.lines.map(({ app: name, instance }) => `${name} ${instance}`))).toEqual(
      new Set([`web ${app.id}`]),
    );
  });

  isolated('ends by its signal, and by SIGKILL when it ignores that', async () => {
    const good = await launch(`trap 'echo bye; exit 7' USR1; echo ready; ${forever}`);
    await bench.heard(/ready/);
    expect(await good.stop({ signal: 'SIGUSR1', graceMs: 20_000 })).toEqual({ kind: 'exited', code: 7 });
    expect(bench.output()).toBe('ready\nbye');
    const stubborn = await launch(`trap '' TERM INT HUP; echo ready; ${forever}`);
    await bench.heard(/ready/);
    const ended = await stubborn.stop({ signal: 'SIGTERM', graceMs: 100 });
    expect(ended).toEqual({ kind: 'killed', signal: 'SIGKILL', outOfMemory: false });
  });

  isolated('takes with it what it started in a session of its own', async () => {
    const volume = await bench.volume('leaves');
    const folder = isolation === 'process' ? volume : '/data';
    const app = await launch(
      `setsid sh -c 'while :; do touch ${folder}/alive; sleep 0.02; done' & echo left`,
      {
        mounts: [{ source: volume, target: '/data', readOnly: false }],
      },
    );
    expect((await app.exited).kind).toBe('exited');
    writeFileSync(join(volume, 'alive'), 'the last word');
    const { mtimeNs } = statSync(join(volume, 'alive'), { bigint: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(statSync(join(volume, 'alive'), { bigint: true }).mtimeNs).toBe(mtimeNs);
  });

  isolated('has programs run beside it, bounded in time and output', async () => {
    const app = await launch(forever, { env: ['PATH=/bin', 'NAME=value'] });
    const told = await app.exec(['sh', '-c', 'echo $NAME; echo error >&2; exit 4'], never);
    expect(told.exitCode).toBe(4);
    expect(told.output.split('\n').sort()).toEqual(['', 'error', 'value']);
    const flood = await app.exec(['sh', '-c', 'yes | head -c 1000000'], never);
    expect(flood.output.length).toBe(65_536);
    await expect(app.exec(['sleep', span], { ...never, timeoutMs: 200 })).rejects.toMatchObject({
      code: 'timeout',
    });
    const abort = new AbortController();
    const cut = app.exec(['sleep', span], { ...never, signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 100);
    await expect(cut).rejects.toThrow('enough');
    await app.stop(stopNow);
    expect(processesWith(`sleep\0${span}`)).toEqual([]);
  });

  isolated('is not started when its program is not there or cannot be run', async () => {
    const launcher = await (opened ??= bench.open());
    const attempt = (args: string[]) =>
      launcher.start(bench.spec(isolation, '', { args })).catch((error: unknown) => error);
    writeFileSync(join(bench.rootfs, 'bin/plain'), 'no program');
    writeFileSync(join(bench.rootfs, 'bin/text'), 'no program', { mode: 0o755 });
    writeFileSync(join(bench.rootfs, 'bin/script'), '#!/bin/perl6\n', { mode: 0o755 });
    writeFileSync(join(bench.rootfs, 'bin/foreign'), foreignProgram(), { mode: 0o755 });
    const image = `(image ${bench.spec(isolation, '').image})`;
    expect(await attempt(['nothing'])).toMatchObject({
      code: 'startFailed',
      message: `Cannot start app web: there is no program nothing on the PATH of its image ${image}`,
    });
    expect(await attempt(['/bin/nothing'])).toMatchObject({
      message: expect.stringContaining('/bin/nothing'),
    });
    expect(await attempt(['plain'])).toMatchObject({
      message: `Cannot start app web: /bin/plain is not executable ${image}`,
    });
    expect(await attempt(['text'])).toMatchObject({
      message: `Cannot start app web: /bin/text is no program ${image}`,
    });
    expect(await attempt(['script'])).toMatchObject({
      message: `Cannot start app web: /bin/script needs /bin/perl6, which is not there ${image}`,
    });
    expect(await attempt(['foreign'])).toMatchObject({
      message: expect.stringMatching(/\/bin\/foreign is a program for another processor/),
    });
    expect(runs()).toEqual([]);
  });

  isolated('goes on without an agent, and the next one adopts it', async () => {
    bench.lines.length = 0;
    const former = await bench.open();
    const script = 'n=0; while :; do n=$((n+1)); echo "line $n."; sleep 0.02; done';
    const app = await former.start(bench.spec(isolation, script));
    const pid = await until(() => app.pid ?? undefined, 'process');
    await bench.heard(/line 3\./);
    await former[Symbol.asyncDispose]();
    const seen = bench.lines.length;
    const launcher = await bench.open();
    const [adopted, ...others] = (await launcher.adopt()).filter(({ id }) => id === app.id);
    if (adopted === undefined) throw new Error('It was not adopted');
    expect(others).toEqual([]);
    expect(adopted).toMatchObject({ app: 'web', specDigest: app.specDigest, pid });
    expect(adopted.startedAt).toEqual(app.startedAt);
    await until(() => (bench.lines.length > seen + 3 ? true : undefined), 'more lines');
    const stopped = adopted.stop({ signal: 'SIGINT', graceMs: 20_000 });
    expect((await stopped).kind).toBe('killed');
    await launcher[Symbol.asyncDispose]();
    // Each at least once, in order.
    const numbers = [...new Set(bench.lines.map(({ text }) => Number(/line (\d+)\./.exec(text)?.[1])))];
    expect(numbers).toEqual(numbers.map((_, n) => n + 1));
    expect(await isRunning(pid)).toBe(false);
  });
});

/** Of this process alone: other suites have programs that sleep, too. */
const span = String(1_000_000 + process.pid);

function processesWith(text: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => read(`/proc/${pid}/cmdline`).includes(text));
}

/** It may have ended since it was listed. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** An ELF head (gABI 4.1) for the SuperH processor. */
function foreignProgram(): Buffer {
  const head = Buffer.alloc(64);
  head.write('\x7fELF\x01\x01\x01', 'latin1');
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(42, 18);
  return head;
}
