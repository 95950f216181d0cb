import { expect, test } from '@jest/globals';
import { fillRepository } from '../../test/support/fill-repository.ts';
import { createMemoryRepository } from '../../test/support/memory-repository.ts';
import { openRepositoryWithKey } from './open-repository.ts';
import { forgetSnapshots } from './upkeep/forget.ts';
import { prune } from './upkeep/prune.ts';

const { signal } = new AbortController();

test('a blob that a prune moved since the index was read is found where it lies now', async () => {
  const { backend, repository } = await createMemoryRepository();
  const kept = { kept: 'kept '.repeat(500) };
  const first = await fillRepository(repository, { ...kept, gone: 'gone '.repeat(500) });
  const second = await fillRepository(repository, kept);
  const { document } = await repository.snapshot(second, { signal });
  await using reader = await openRepositoryWithKey(backend, { key: repository.key, signal });
  const [file] = await reader.readTree(document.tree, { signal });

  await forgetSnapshots(repository, { snapshots: [first], signal });
  const { newPacks } = await prune(repository, { maxUnusedShare: 0, graceMs: 0, signal });
  expect(newPacks).toBeGreaterThan(0);
  const [blob = document.tree] = file?.content ?? [];
  await expect(reader.readBlob(blob, 'data', { signal })).resolves.toEqual(Buffer.from(kept.kept));
});
