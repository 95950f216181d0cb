import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { limits } from '../../functions/host/protocol.ts';
import { outsideOf } from './functions/canary.ts';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';

/** A host process that was taken over says what it likes; the agent believes nothing of it. [G6] */
const hostEntry = join(import.meta.dirname, '../support/lying-host.ts');
const manifest = { bindings: { OUT: { publish: 'out' } }, limits: { timeout: '2s' } };

const open = (): Promise<Sandbox> =>
  openSandbox({ hostEntry, outside: outsideOf(() => Promise.reject(new Error('It reached the network'))) });

test.each(['junk', 'no-json', 'unknown', 'more', 'negative', 'deep', 'endless-frame', 'split-header'])(
  'a host that breaks the protocol is killed: %s',
  async (lie) => {
    await using sandbox = await open();
    await sandbox.deploy(lie, 'invoke() {}', manifest);
    const [pid] = sandbox.runtime.hostPids();
    await expect(sandbox.invoke(lie)).rejects.toMatchObject({ code: 'hostLost', transient: true });
    expect(sandbox.events.map(({ event }) => event)).toContain('functions.host.nonsense');
    await sandbox.deploy('others', 'invoke() {}', manifest);
    expect(await sandbox.invoke('others')).toBe('own');
    expect(sandbox.runtime.hostPids()).not.toContain(pid);
  },
);

test.each([
  ['call-nope-publish', 'denied'],
  ['call-out-get', 'denied'],
  ['call-out-publish', 'denied'],
  ['call-nope-send', 'denied'],
  ['call-nope-invoke', 'denied'],
  ['call--fetch', 'denied'],
  ['call-__proto__-get', 'denied'],
  ['call-constructor-get', 'denied'],
])('a call that the manifest does not grant is refused, whatever the host says: %s', async (lie, code) => {
  await using sandbox = await open();
  await sandbox.deploy(lie, 'invoke() {}', manifest);
  expect(await sandbox.invoke(lie)).toMatchObject({
    ok: false,
    code: expect.stringMatching(`^(${code}|badCall)$`),
  });
  expect(sandbox.effects.published).toEqual([]);
});

test('a host that is silent is killed when the time of the function is over', async () => {
  await using sandbox = await open();
  await sandbox.deploy('silent', 'invoke() {}', manifest);
  await expect(sandbox.invoke('silent')).rejects.toMatchObject({ code: 'timeout' });
});

test('a result is as large as the manifest lets it be, whatever the host sends', async () => {
  await using sandbox = await open();
  await sandbox.deploy('huge-result', 'invoke() {}', manifest);
  await expect(sandbox.invoke('huge-result')).rejects.toMatchObject({ code: 'resultTooLarge' });
});

test('calls and log lines beyond the bounds are dropped', async () => {
  await using sandbox = await open();
  // A flood takes its time on a busy machine, and how long is not what this is about.
  const patient = { ...manifest, limits: { timeout: '20s' } };
  await sandbox.deploy('calls', 'invoke() {}', patient);
  await sandbox.invoke('calls');
  expect(sandbox.effects.published.length).toBeLessThanOrEqual(limits.calls);
  await sandbox.deploy('logs', 'invoke() {}', patient);
  expect(await sandbox.invoke('logs')).toBe('logged');
  expect(sandbox.logs.length).toBeLessThanOrEqual(limits.logLines + 10);
});

test("results of invocations that do not run there are nobody's", async () => {
  await using sandbox = await open();
  await sandbox.deploy('others', 'invoke() {}', manifest);
  expect(await sandbox.invoke('others')).toBe('own');
});
