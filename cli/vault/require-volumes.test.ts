import { hostname } from 'node:os';
import { expect, test } from '@jest/globals';
import { requireVolumes } from './require-volumes.ts';

const asTyped = { host: hostname(), tag: [], exclude: [], parent: 'latest', memory: true } as const;

test('volumes are snapshotted by their names', () => {
  expect(() => requireVolumes([], asTyped)).not.toThrow();
  expect(() => requireVolumes(['data', 'photos-2'], asTyped)).not.toThrow();
});

test('a folder without a repository is said to need one', () => {
  for (const folder of ['/srv/data', './data', '.'])
    expect(() => requireVolumes(['data', folder], asTyped)).toThrow(`${folder} is no name of a volume`);
});

test.each([
  ['--tag', { tag: ['before-update'] }],
  ['--exclude', { exclude: ['*.tmp'] }],
  ['--parent', { parent: 'none' }],
  ['--no-memory', { memory: false }],
  ['--skip-unchanged', { skipUnchanged: true }],
] as const)('%s is refused where it would change nothing', (name, options) => {
  expect(() => requireVolumes(['data'], { ...asTyped, ...options })).toThrow(`${name} is not for volumes`);
});
