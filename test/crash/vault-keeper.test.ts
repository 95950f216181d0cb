import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { on } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createJobRunner } from '../../agent/vault/job-process.ts';
import type { VaultKeeper } from '../../agent/vault/vault-keeper.ts';
import { silentLogger } from '../../lib/logger.ts';
import { builtChild } from '../support/built-program.ts';
import { descendantsOf, isRunning } from '../support/processes.ts';
import { VaultDevice } from '../support/vault-device.ts';

const files = 24;
const fileBytes = 2 ** 20;

let device: VaultDevice;
beforeEach(async () => {
  device = await VaultDevice.open();
  for (let n = 0; n < files; n++) await writeFile(device.volume(`${n}.bin`), randomBytes(fileBytes));
});
afterEach(() => device[Symbol.asyncDispose]());

const request = { reason: 'request', signal: new AbortController().signal };

/** The processes of vault jobs that this process, or the one with the pid, has started. */
async function jobsOf(pid: number): Promise<number[]> {
  const pids = await descendantsOf(pid);
  const commands = await Promise.all(
    pids.map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')),
  );
  // By its source, and as it is built.
  return pids.filter((_, index) => /job-main\.ts|vault-job\.mjs/.test(commands[index] ?? ''));
}

async function killJobs(killed: number[]): Promise<void> {
  for (const pid of await jobsOf(process.pid)) {
    if (killed.includes(pid)) continue;
    killed.push(pid);
    process.kill(pid, 'SIGKILL');
  }
}

async function expectWhole(keeper: VaultKeeper): Promise<void> {
  const { files: seen, problemCount } = await keeper.snapshotVolume('notes', request);
  expect(seen.new + seen.changed + seen.unmodified).toBe(files);
  expect(problemCount).toBe(0);
  const check = await keeper.upkeep({ kind: 'check', readData: { part: 1, of: 1 } }, 'request', {
    signal: request.signal,
  });
  expect(check).toMatchObject({ did: 'check', snapshots: 1, damageCount: 0 });
}

describe('a snapshot', () => {
  test('whose process is killed is a failed job that may be tried again, and the next one is whole [G1]', async () => {
    const slow = device.machine({ vault: { throttle: '1MiB/s' } });
    const keeper = await device.keeper(slow, createJobRunner({ logger: silentLogger }));
    const killed: number[] = [];
    const snapshot = keeper.snapshotVolume('notes', {
      ...request,
      onProgress: ({ bytesAdded }) => {
        if (bytesAdded > 0) void killJobs(killed);
      },
    });
    await expect(snapshot).rejects.toMatchObject({
      ...{ code: 'internal', transient: true },
      message: expect.stringContaining('SIGKILL'),
    });
    expect(killed).toHaveLength(1);
    expect(keeper.status().volumes.notes).toMatchObject({ last: null, failure: { attempts: 1 } });
    await keeper.configure(device.machine());
    await expectWhole(keeper);
  }, 120_000);

  test('ends with the agent that is killed, and the next agent takes a whole one [G1]', async () => {
    const entry = builtChild('vault-keeper-child');
    const agent = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, device.folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const [chunk] of on(agent.stdout, 'data') as AsyncIterable<[Buffer]>)
      if (
        chunk
          .toString()
          .split('\n')
          .some((line) => Number(line) > 0)
      )
        break;
    const jobs = await jobsOf(agent.pid!);
    expect(jobs).toHaveLength(1);
    agent.kill('SIGKILL');
    while (await isRunning(jobs[0]!)) await sleep(50);
    await expectWhole(await device.keeper());
  }, 120_000);
});
