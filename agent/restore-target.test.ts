import { expect, test } from '@jest/globals';
import type { GenerationEntry } from '../cloud-sync/protocol/api.ts';
import type { Phase } from '../cloud-sync/protocol/messages.ts';
import { restoreTarget } from './restore-target.ts';

const digestOf = (manifest: string) => `sha256:${manifest.repeat(64)}`;

function entry(generation: number, manifest: string, phase: Phase | null): GenerationEntry {
  const time = '2026-05-01T06:00:00.000Z';
  const reason = phase === 'rolledBack' ? 'App web is not well' : null;
  return { generation, digest: digestOf(manifest), size: 9, created: time, phase, reason, reported: time };
}

const choose = (past: readonly GenerationEntry[], hold = false) => {
  const [newest] = past;
  if (!newest) throw new Error('nothing is desired');
  const { generation, digest, size } = newest;
  return restoreTarget({ generation, digest, size, ...(hold && { hold: true }) }, past);
};

test('what is desired comes back when the device committed it, or never said anything of it', () => {
  for (const phase of ['committed', 'verifying', null] as const) {
    const { target, state, passedOver } = choose([entry(2, 'b', phase), entry(1, 'a', 'committed')]);
    expect([target.generation, state.observed, state.phase]).toEqual([2, target, 'applying']);
    expect(passedOver).toBeNull();
  }
});

test('what the device rolled back does not come back: what ran does, and the agent knows why', () => {
  const { target, state, passedOver } = choose([
    ...[entry(4, 'd', 'rolledBack'), entry(3, 'c', 'rejected')],
    ...[entry(2, 'b', 'committed'), entry(1, 'a', 'committed')],
  ]);
  expect(target).toEqual({ generation: 2, digest: digestOf('b'), size: 9 });
  expect(passedOver).toEqual({ generation: 4, phase: 'rolledBack', reason: 'App web is not well' });
  expect(state).toMatchObject({
    ...{ observed: { generation: 4 }, current: { generation: 2 }, phase: 'rolledBack' },
    conditions: [{ type: 'RolledBack', status: true, message: 'App web is not well' }],
  });
});

test('what is held back waits for the agent: what ran comes back as newest', () => {
  const { target, state, passedOver } = choose([entry(2, 'b', 'staged'), entry(1, 'a', 'committed')], true);
  expect([target.generation, state.observed, state.phase]).toEqual([1, target, 'applying']);
  expect(passedOver).toEqual({ generation: 2, phase: 'staged', reason: null });
});

test('what was given up comes back after all when nothing else ever ran, or only the same manifest did', () => {
  for (const before of [[], [entry(1, 'b', 'committed')], [entry(1, 'a', 'failed')]])
    expect(choose([entry(2, 'b', 'rolledBack'), ...before]).target.generation).toBe(2);
  const desired = { generation: 2, digest: digestOf('b'), size: 9 };
  expect(restoreTarget(desired, []).target).toEqual(desired);
});
