import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { agentRoot, contextPath } from './context.ts';
import type { Io } from './io.ts';

const rootOf = (env: Io['env'], root?: string) =>
  agentRoot({ io: { env } as Io, globals: { retry: 0, ...(root === undefined ? {} : { root }) } });

describe('agentRoot', () => {
  test('is absolute, whichever way it was named', () => {
    expect(rootOf({}, './data')).toBe(resolve('data'));
    expect(rootOf({ HOLDFAST_ROOT: 'data' })).toBe(resolve('data'));
    expect(rootOf({}, '/srv/data')).toBe('/srv/data');
  });

  test('is not the current folder when a variable is there and empty', () => {
    const home = { HOME: '/home/kim' };
    for (const env of [
      { HOLDFAST_ROOT: '' },
      { XDG_DATA_HOME: '' },
      { HOLDFAST_ROOT: '', XDG_DATA_HOME: '' },
    ])
      expect(rootOf({ ...home, ...env })).toBe(rootOf(home));
  });

  test('is what the option names before what the environment does', () => {
    expect(rootOf({ HOLDFAST_ROOT: '/srv/other' }, '/srv/data')).toBe('/srv/data');
  });
});

test('the context is that of the user when the variables are there and empty', () => {
  const env = { HOME: '/home/kim', HOLDFAST_CONTEXT: '', XDG_CONFIG_HOME: '' };
  expect(contextPath({ io: { env } as unknown as Io, globals: { retry: 0 } })).toBe(
    '/home/kim/.config/holdfast/context.json',
  );
});
