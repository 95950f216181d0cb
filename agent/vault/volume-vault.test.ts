import { expect, test } from '@jest/globals';
import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { volumeVault } from './volume-vault.ts';

const { signal } = new AbortController();

async function problemsOf(...codes: SnapshotOutcome['problems'][number]['code'][]): Promise<number> {
  const problems = codes.map((code) => ({ path: 'file', code, message: '' }));
  const outcome = { id: 'a', problems, problemCount: problems.length } as unknown as SnapshotOutcome;
  const vault = volumeVault(
    { snapshotVolume: () => Promise.resolve(outcome), restoreVolume: () => Promise.reject(new Error('no')) },
    { device: 'kiosk-1' },
  );
  return (await vault.snapshot('data', { signal })).problems;
}

test('a volume is secured with files that lack an attribute which no snapshot can keep, not without files', async () => {
  expect(await problemsOf()).toBe(0);
  expect(await problemsOf('attribute', 'attribute')).toBe(0);
  expect(await problemsOf('attribute', 'unreadable')).toBe(1);
});
