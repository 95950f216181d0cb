import { expect, jest, test } from '@jest/globals';
import type { DataPlaneStatus } from '../../agent/data-plane-status.ts';
import { controlSocketPath, type Status } from '../../agent/control/protocol.ts';
import { startControlServer } from '../../agent/control/server.ts';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { runCli, type CliResult } from '../support/cli.ts';
import { connectTo, eventually, openDevice, type Device } from '../support/data-plane.ts';
import { noApps, noGenerations, noIsolations, noVault } from '../support/function-desk.ts';

jest.setTimeout(120_000);

const hollow: Omit<Status, keyof DataPlaneStatus | 'components'> = {
  ...{ version: '0.0.0', device: 'device', tenant: 'default', root: '/', pid: 1, hostPids: [], sandbox: '' },
  started: '2026-01-01T00:00:00.000Z',
  cloud: { url: 'https://localhost', mqtt: '', connected: false, since: null, lastError: null },
  ...{ desired: null, applied: null, phase: null, conditions: [] },
  apps: {},
  isolations: noIsolations,
  exports: { folder: '/bin', programs: [] },
};

/** A data plane behind a control socket: all of the agent that these commands talk to. */
async function openAgent(): Promise<Device> {
  const stack = new AsyncDisposableStack();
  let healed = false;
  const handlers = {
    picky: (): void => {
      if (!healed) throw Object.assign(new Error('bad\nline two'), { code: 'noHandler' });
    },
    healer: () => void (healed = true),
  };
  const sections = {
    functions: { picky: { on: [{ mqtt: 'in' }], budget: { invocations: '100/day' } }, healer: {} },
  };
  const device = stack.use(await openDevice(sections, { handlers }));
  stack.use(
    await startControlServer({
      path: controlSocketPath(device.root),
      status: () => ({ ...hollow, ...device.plane.status(), components: device.plane.components() }),
      functions: device.plane.functions,
      streams: device.plane.streams,
      vault: noVault,
      apps: noApps,
      generations: noGenerations,
      secrets: { store: await SecretStore.open(device.root), uses: () => new Map() },
      invoke: (name, payload, signal) => device.plane.invoke(name, payload, { signal }),
      plan: () => Promise.reject(new Error('not here')),
      metrics: { snapshot: () => [], text: () => '' },
      logs: { recent: () => [], follow: () => () => undefined },
    }),
  );
  return { ...device, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('an operator looks at functions, pauses one, and sends its dead letters again', async () => {
  await using device = await openAgent();
  const cli = (...parameters: string[]): Promise<CliResult> => runCli([...parameters, '--root', device.root]);
  await using sensor = await connectTo(device.plane.mqtt.port);
  for (const payload of ['one', 'two', 'three']) await sensor.client.publishAsync('in', payload, { qos: 1 });
  await eventually(() => device.plane.status().functions.picky?.deadLetters === 3);

  const listed = await cli('functions', 'ls', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject({
    functions: [
      { name: 'picky', state: 'running', deadLetters: 3, budget: { invocations: 0 } },
      { name: 'healer', budget: null },
    ],
  });
  expect((await cli('functions', 'ls')).stdout).toMatch(/^picky +running +0 +0 +3 +0 +0$/m);

  const letters = await cli('functions', 'dead-letters', 'picky', '--json');
  const ids = letters.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: number }).id);
  expect(ids).toHaveLength(3);
  expect((await cli('functions', 'dead-letters', 'picky')).stdout).toMatch(
    /^\d+ {2}\S+Z {2}message in {2}1 attempts, noHandler: bad {2}one$/m,
  );

  await cli('invoke', 'healer');
  const one = await cli('functions', 'redeliver', 'picky', String(ids[0]));
  expect(one.stdout).toBe('Redelivered 1 to picky; it has 2 dead letters.\n');
  const discarded = await cli('functions', 'discard', 'picky', String(ids[1]), '--json');
  expect(JSON.parse(discarded.stdout)).toEqual({ function: 'picky', discarded: 1, left: 1 });
  expect((await cli('functions', 'redeliver', 'picky', '--all')).stdout).toBe('Redelivered 1 to picky.\n');
  const none = await cli('functions', 'dead-letters', 'picky');
  expect([none.stdout, none.stderr]).toEqual(['', 'picky has no dead letters.\n']);
  await eventually(() => device.plane.status().functions.picky?.queued === 0);

  expect((await cli('functions', 'pause', 'picky', '--reason', 'repairs')).stdout).toBe('Paused picky.\n');
  expect((await cli('functions', 'ls')).stdout).toMatch(/^picky +paused .* Paused: repairs$/m);
  const refused = await cli('invoke', 'picky');
  expect(refused.code).toBe(8);
  expect(refused.stderr).toContain('The function picky is paused: repairs');
  expect(refused.stderr).toContain('holdfast functions resume picky');
  expect((await cli('functions', 'resume', 'picky')).stdout).toBe('Resumed picky.\n');
});

test('what cannot be done is said in a line', async () => {
  await using device = await openAgent();
  const cli = (...parameters: string[]): Promise<CliResult> => runCli([...parameters, '--root', device.root]);
  const neither = await cli('functions', 'discard', 'picky');
  expect([neither.code, neither.stderr]).toEqual([
    2,
    expect.stringContaining('Give the ids of dead letters, or --all.'),
  ]);
  expect((await cli('functions', 'redeliver', 'picky', '1', '--all')).code).toBe(2);
  expect((await cli('functions', 'redeliver', 'picky', 'x')).code).toBe(2);
  const unknown = await cli('functions', 'pause', 'nobody');
  expect(unknown.code).toBe(4);
  expect(unknown.stderr).toContain('There is no function nobody on this device');
  const nothing = await cli('functions', 'redeliver', 'picky', '77');
  expect(nothing.stderr).toContain('There is no dead letter 77 of the function picky');
});
