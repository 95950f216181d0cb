import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { cacheFolder } from './cache-folder.ts';

test('the cache is in a folder of the user, whichever variables are there and empty', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/home/kim' }, 'code')).toBe('/c/holdfast/code');
  expect(cacheFolder({ XDG_CACHE_HOME: 'c', HOME: '/home/kim' }, 'code')).toBe(
    '/home/kim/.cache/holdfast/code',
  );
  expect(cacheFolder({ XDG_CACHE_HOME: '', HOME: '/home/kim' }, 'code')).toBe(
    '/home/kim/.cache/holdfast/code',
  );
  expect(cacheFolder({ XDG_CACHE_HOME: '', HOME: '' }, 'code')).toBe(join(homedir(), '.cache/holdfast/code'));
});
