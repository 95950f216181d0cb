import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { agentRoot } from './context.ts';
import type { Io } from './io.ts';

const rootOf = (env: Io['env'], root?: string) =>
  agentRoot({ io: { env } as Io, globals: { retry: 0, ...(root === undefined ? {} : { root }) } });

describe('agentRoot', () => {
  test('is absolute, whichever way it was named', () => {
    expect(rootOf({}, './data')).toBe(resolve('data'));
    expect(rootOf({ HOLDFAST_ROOT: 'data' })).toBe(resolve('data'));
    expect(rootOf({}, '/srv/data')).toBe('/srv/data');
  });

  test('is what the option names before what the environment does', () => {
    expect(rootOf({ HOLDFAST_ROOT: '/srv/other' }, '/srv/data')).toBe('/srv/data');
  });
});
