import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { controlSocketPath } from '../../agent/control/protocol.ts';
import { startControlServer } from '../../agent/control/server.ts';
import { AgentError } from '../../agent/errors.ts';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { runCli, temporaryFolder } from '../support/cli.ts';
import { FakeDesk, noApps, noGenerations, noStreams, noVault } from '../support/function-desk.ts';

jest.setTimeout(180_000);

let stack: AsyncDisposableStack;
let root: string;
let store: SecretStore;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  root = stack.use(await temporaryFolder()).path;
  store = await SecretStore.open(root);
  const nothing = () => Promise.reject(new AgentError('unsupported', 'not here'));
  stack.use(
    await startControlServer({
      path: controlSocketPath(root),
      status: () => {
        throw new AgentError('unsupported', 'not here');
      },
      invoke: nothing,
      plan: nothing,
      functions: new FakeDesk(),
      streams: noStreams,
      vault: noVault,
      apps: noApps,
      generations: noGenerations,
      secrets: { store, uses: () => new Map([['shop-token', ['shop', 'till']]]) },
      metrics: { snapshot: () => [], text: () => '' },
      logs: { recent: () => [], follow: () => () => undefined },
    }),
  );
});
afterEach(() => stack.disposeAsync());

const secrets = (parameters: readonly string[], input?: string) =>
  runCli(['secrets', ...parameters, '--root', root], input === undefined ? {} : { input });

test('a secret is set from stdin or a file, without its last line break, and never printed', async () => {
  const piped = await secrets(['set', 'shop-token'], 'open sesame\n');
  expect(piped).toMatchObject({ code: 0, stdout: 'shop-token is set. Used by shop, till.\n' });
  expect(await store.get('shop-token')).toBe('open sesame');
  const file = join(root, 'key.pem');
  await writeFile(file, '-----BEGIN-----\nabc\n-----END-----\n');
  expect((await secrets(['set', 'key', '--from-file', file, '--json'])).stdout).toBe(
    '{"name":"key","usedBy":[]}\n',
  );
  expect(await store.get('key')).toBe('-----BEGIN-----\nabc\n-----END-----');
  const listed = await secrets(['ls', '--verbose']);
  expect(listed.stdout + listed.stderr + piped.stdout + piped.stderr).not.toContain('sesame');
});

test('secrets are listed with those that are missing, and removed', async () => {
  expect((await secrets(['ls'])).stdout).toMatch(/shop-token +missing +shop, till/);
  await secrets(['set', 'alone'], 'x');
  const { stdout } = await secrets(['ls', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    secrets: [
      { name: 'alone', usedBy: [] },
      { name: 'shop-token', set: null, usedBy: ['shop', 'till'] },
    ],
  });
  await secrets(['set', 'shop-token'], 'x');
  expect((await secrets(['rm', 'shop-token'])).stdout).toBe(
    'shop-token is removed. It is missed by shop, till.\n',
  );
  const again = await secrets(['rm', 'shop-token']);
  expect(again.code).toBe(4);
  expect(again.stderr).toContain('hint: ');
});

test('an empty value, one that is too large, no text, and a wrong name are refused', async () => {
  expect((await secrets(['set', 'a'], '\n')).code).toBe(2);
  expect((await secrets(['set', 'a'], 'x'.repeat(64 * 1024 + 2))).code).toBe(3);
  expect((await secrets(['set', '../a'], 'x')).code).toBe(2);
  expect((await secrets(['set', 'a', '--from-file', join(root, 'none')])).code).toBe(4);
  expect((await runCli(['secrets', 'set', 'a', '--root', root], { input: Uint8Array.of(0xff) })).code).toBe(
    3,
  );
  expect(await store.list()).toEqual([]);
});
