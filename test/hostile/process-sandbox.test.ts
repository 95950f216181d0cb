import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { findBwrap } from '../../functions/runtime/bwrap.ts';
import { findProcessSandbox } from '../../functions/runtime/find-process-sandbox.ts';
import { permissionModelOnly, type ProcessSandbox } from '../../functions/runtime/process-sandbox.ts';
import { openSandbox } from '../support/function-sandbox.ts';
import { peerTest } from '../support/peers.ts';
import { runInSandbox } from '../support/sandboxed-node.ts';

/** What is left to native code that has broken out of isolate and node: the probes run without the permission model. [G6] */
const bwrap = { name: 'bwrap', probe: ['bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'] } as const;

const attempts = (port: number) => `
  import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
  import { spawnSync } from 'node:child_process';
  import { connect } from 'node:net';
  import os from 'node:os';
  const attempt = (work) => { try { return work() ?? 'done'; } catch (error) { return error.code ?? 'failed'; } };
  const reach = (to) => new Promise((resolve) => {
    try { connect(to).on('connect', () => resolve('connected')).on('error', (error) => resolve(error.code)); } catch (error) { resolve(error.code); }
  });
  const found = {
    loopback: await reach({ host: '127.0.0.1', port: ${port} }),
    interfaces: readFileSync('/proc/self/net/dev', 'utf8').match(/\\w+(?=:)/g),
    users: attempt(() => readFileSync('/etc/passwd', 'utf8').length > 0),
    project: attempt(() => readFileSync('${join(import.meta.dirname, '../../README.md')}', 'utf8').length > 0),
    root: readdirSync('/').filter((name) => !['lib', 'lib64', 'usr', 'proc'].includes(name)),
    write: attempt(() => writeFileSync('/x', 'x')),
    env: Object.keys(process.env).filter((name) => name !== 'PWD'),
    processes: readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length,
    agent: attempt(() => process.kill(${process.pid}, 0)),
    child: spawnSync(process.execPath, ['--version']).error?.code ?? 'ran',
    host: os.hostname(),
    user: process.getuid(),
    capabilities: /^CapEff:\\s*(\\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1],
    newPrivileges: /^NoNewPrivs:\\s*(\\d)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1],
  };
  process.stdout.write(JSON.stringify(found));`;

async function probe(sandbox: ProcessSandbox): Promise<Record<string, unknown>> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as { port: number };
    return (await runInSandbox(sandbox, attempts(port))) as Record<string, unknown>;
  } finally {
    server.close();
  }
}

peerTest(
  [bwrap],
  'a host that was broken out of finds no network, file, environment or process',
  async () => {
    const sandbox = await findProcessSandbox();
    expect(sandbox.description).toBe('bwrap');
    const { root, ...found } = await probe(sandbox);
    expect(found).toEqual({
      loopback: 'EPERM',
      interfaces: ['lo'],
      users: 'ENOENT',
      project: 'ENOENT',
      write: 'EROFS',
      env: [],
      // Its own and that of bwrap, which waits for it.
      processes: 2,
      agent: 'ESRCH',
      child: 'EPERM',
      host: 'function-host',
      user: 65534,
      capabilities: '0000000000000000',
      newPrivileges: '1',
    });
    // The folder in which node lies, empty but for that.
    const [, top] = process.execPath.split('/');
    expect([top]).toEqual(expect.arrayContaining(root as string[]));
  },
);

test('the probes find all that where there is no sandbox', async () => {
  const found = await probe(permissionModelOnly('this is a test'));
  expect(found).toMatchObject({
    loopback: 'connected',
    users: true,
    project: true,
    agent: true,
    child: 'ran',
  });
});

describe('what the host process runs in is told with the reason', () => {
  test.each([['another system', () => findProcessSandbox('darwin'), 'bwrap runs on Linux, this is darwin']])(
    '%s',
    async (_what, find, why) => {
      expect(await find()).toMatchObject({
        kind: 'permissionModel',
        description: `permission model only: ${why}`,
      });
    },
  );

  test('bwrap is not there', async () => {
    expect(await findBwrap('/nowhere:relative')).toEqual({
      problem: 'bwrap not found (apt install bubblewrap)',
    });
  });

  test('bwrap does not work', async () => {
    // Complains of flags it does not know, as an old bwrap does.
    const folder = join(import.meta.dirname, '../support/broken-bwrap');
    expect(await findBwrap(folder)).toEqual({
      problem: 'bwrap does not work here: bwrap: setting up uid map: Permission denied',
    });
  });
});

describe('both ways of running a host', () => {
  const ways: [string, () => Promise<ProcessSandbox>][] = [
    ['with what the machine offers', () => findProcessSandbox()],
    ['with the permission model only', () => Promise.resolve(permissionModelOnly('this is a test'))],
  ];
  test.each(ways)(
    'a function runs, and its host is the process that the runtime names: %s',
    async (_way, find) => {
      await using sandbox = await openSandbox({ sandbox: await find() });
      await sandbox.deploy('fine', 'invoke: () => 7');
      expect(await sandbox.invoke('fine')).toBe(7);
      const [pid = 0] = sandbox.runtime.hostPids();
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
      expect(command.split('\0')[0]).toBe(process.execPath);
    },
  );

  test.each(ways)('a host ends when the runtime closes: %s', async (_way, find) => {
    const sandbox = await openSandbox({ sandbox: await find() });
    await sandbox.deploy('endless', 'invoke() { for (;;); }', { limits: { cpu: '10m', timeout: '10m' } });
    const running = sandbox.invoke('endless').catch((error: unknown) => error);
    const pids = sandbox.runtime.hostPids();
    await sandbox[Symbol.asyncDispose]();
    expect(await running).toMatchObject({ code: 'cancelled' });
    await untilGone(pids);
  });
});

test('a host ends when its agent is killed', async () => {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../support/runtime-child.ts')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const pids = JSON.parse(line.toString('utf8')) as number[];
  expect(pids.map(isThere)).toEqual([true]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await untilGone(pids);
});

/** The kernel takes a moment to clear away what was killed. */
async function untilGone(pids: readonly number[]): Promise<void> {
  for (let waits = 0; pids.some(isThere) && waits < 200; waits++) await sleep(50);
  expect(pids.filter(isThere)).toEqual([]);
}

/** Not even as a zombie. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
