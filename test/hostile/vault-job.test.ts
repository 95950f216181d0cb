import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VaultAccess } from '../../agent/vault/job-protocol.ts';
import { createJobRunner } from '../../agent/vault/job-process.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';

const secret = 'a-password-that-no-log-may-show';
const access: VaultAccess = {
  ...{ location: '/nowhere', http: { login: `me:${secret}` }, secret, device: 'kiosk-1' },
  ...{ repositoryId: null, slot: null, floor: '/nowhere/floor.json', owner: null },
};

let folder: string;
let logged: LogEvent[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-job-'));
  logged = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A job whose program is this text. */
async function job(program: string, signal = new AbortController().signal) {
  const entry = join(folder, 'job.mjs');
  await writeFile(entry, program);
  const run = createJobRunner({ logger: createLogger((event) => logged.push(event)), entry });
  return run(access, { kind: 'listKeys' }, { signal, onOpened: () => undefined });
}

describe('a job process that', () => {
  test.each([
    [
      'says what is not of the protocol',
      `process.once('message', () => process.send({ type: 'done', result: 7 }))`,
    ],
    ['says nothing and ends', `process.exit(0)`],
    ['crashes', `throw new Error('broken')`],
    ['runs out of memory', `process.abort()`],
    ['cannot be loaded', `import './nothing.mjs'`],
  ])(
    '%s is a failed job that may be tried again, and nothing to the agent',
    async (_, program) => {
      await expect(job(program)).rejects.toMatchObject({ code: 'internal', transient: true });
      expect(JSON.stringify(logged)).not.toContain(secret);
    },
    60_000,
  );

  test('fails in a way of its own keeps its code, its words and whether it may pass', async () => {
    const problem = { code: 'quotaExceeded', message: 'Full', hint: 'Ask for more.', transient: false };
    const program = `process.once('message', () => process.send(${JSON.stringify({ type: 'failed', problem })}))`;
    await expect(job(program)).rejects.toMatchObject(problem);
  }, 60_000);

  test('was cancelled is told so, and ends', async () => {
    const stopping = new AbortController();
    const program = `process.on('message', ({ type }) => { if (type === 'cancel') process.exit(3); });`;
    const running = job(program, stopping.signal);
    setTimeout(() => stopping.abort(new Error('no longer wanted')), 500);
    await expect(running).rejects.toThrow('no longer wanted');
    expect(logged).toMatchObject([{ event: 'vault.job.exited', code: 3 }]);
  }, 60_000);

  test('sees neither a secret in its command line nor the environment of the agent', async () => {
    const program = `process.once('message', () => {
      const seen = JSON.stringify([process.argv, process.env]);
      process.send({ type: 'failed', problem: { code: 'internal', message: seen, transient: false } });
    });`;
    process.env.HOLDFAST_TEST_ONLY = 'visible';
    try {
      const failure = (await job(program).catch((error: unknown) => error)) as Error;
      expect(failure.message).toContain('job.mjs');
      expect(failure.message).not.toContain(secret);
      expect(failure.message).not.toContain('HOLDFAST_TEST_ONLY');
    } finally {
      delete process.env.HOLDFAST_TEST_ONLY;
    }
  }, 60_000);
});
