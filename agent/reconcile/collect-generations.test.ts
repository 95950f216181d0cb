import { expect, test } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import { digestOf, machineOf } from '../../test/support/update-device.ts';
import { collectGenerations } from './collect-generations.ts';
import type { ArtifactSource, ManifestSource } from './ports.ts';
import { emptyState, type AgentState, type StateHolder } from './state-schema.ts';

const pointer = (generation: number) => ({ generation, digest: digestOf(generation) });
const megabyte = 2 ** 20;

/** Generation 6 runs, 5 ran before, 2 is pinned; each takes 10 MiB. */
async function keptWith(updates: object, lost: readonly number[] = []): Promise<string[]> {
  const state: AgentState = {
    ...emptyState,
    ...{ observed: { ...pointer(6), size: 1 }, current: pointer(6), previous: pointer(5), pinned: [2] },
    history: [1, 2, 3, 4, 5, 6].map((one) => ({
      ...pointer(one),
      ...{ time: '2026-01-10T12:00:00.000Z', outcome: 'committed' as const },
    })),
  };
  let kept: readonly string[] = [];
  const manifests: ManifestSource = {
    fetch: () => Promise.reject(new Error('nothing is fetched')),
    load: ({ generation }) =>
      lost.includes(generation)
        ? Promise.reject(new Error('it is gone'))
        : Promise.resolve(machineOf(generation, updates)),
    collect: (digests) => {
      kept = digests;
      return Promise.resolve();
    },
  };
  const collected: string[] = [];
  const artifacts: ArtifactSource = {
    fetch: () => Promise.reject(new Error('nothing is fetched')),
    load: () => Promise.reject(new Error('nothing is loaded')),
    collect: (machines) => {
      collected.push(...machines.map(({ metadata }) => metadata.labels.is ?? ''));
      return Promise.resolve();
    },
    sizeOf: (machines) => Promise.resolve(machines.length * 10 * megabyte),
  };
  const store: StateHolder = { state, update: () => Promise.resolve() };
  await collectGenerations({ store, manifests, artifacts, logger: silentLogger });
  expect([...kept].sort()).toEqual(collected.map((one) => digestOf(Number(one))).sort());
  return collected.sort();
}

test('as many committed generations stay as the file says, and the pinned one', async () => {
  expect(await keptWith({ keep: 4 })).toEqual(['2', '3', '4', '5', '6']);
});

test('a budget drops the oldest first, never what runs, what ran before or what is pinned', async () => {
  expect(await keptWith({ keep: 5, store: '40MiB' })).toEqual(['2', '4', '5', '6']);
  expect(await keptWith({ keep: 5, store: '16MiB' })).toEqual(['2', '5', '6']);
});

test('one whose manifest is lost holds nothing up', async () => {
  expect(await keptWith({ keep: 4 }, [4])).toEqual(['2', '3', '5', '6']);
});
