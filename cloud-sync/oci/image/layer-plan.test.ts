import { describe, expect, test } from '@jest/globals';
import { planLayers } from './layer-plan.ts';

const tree = [
  'app/',
  'app/lib/',
  'app/lib/deep/',
  'app/lib/deep/b.js',
  'app/lib/a.js',
  'app/library.js',
  'bin/',
  'bin/sh',
];

/** What is in each layer. */
function layersOf(folders: readonly string[], exclude = (_path: string) => false): string[][] {
  return planLayers(folders, exclude).map((excluded) =>
    tree.filter((path) => !excluded(path.replace(/\/$/, ''), path.endsWith('/'))),
  );
}

describe('dividing a tree into layers', () => {
  test('makes one of it when no folder is named', () => {
    expect(layersOf([])).toEqual([tree]);
  });

  test('gives a folder named its own layer with the folders that lead to it, and the rest another', () => {
    expect(layersOf(['app/lib/'])).toEqual([
      ['app/', 'app/lib/', 'app/lib/deep/', 'app/lib/deep/b.js', 'app/lib/a.js'],
      ['app/', 'app/library.js', 'bin/', 'bin/sh'],
    ]);
  });

  test('gives what is in two of them to the deeper, in whatever order they are named', () => {
    expect(layersOf(['app/lib', 'app/lib/deep'])).toEqual([
      ['app/', 'app/lib/', 'app/lib/a.js'],
      ['app/', 'app/lib/', 'app/lib/deep/', 'app/lib/deep/b.js'],
      ['app/', 'app/library.js', 'bin/', 'bin/sh'],
    ]);
  });

  test('leaves out what is excluded from all of them', () => {
    const layers = layersOf(['bin'], (path) => path === 'bin/sh' || path.startsWith('app/lib'));
    expect(layers).toEqual([['bin/'], ['app/']]);
  });
});
