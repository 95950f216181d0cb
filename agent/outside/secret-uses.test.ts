import { expect, test } from '@jest/globals';
import { functionSchema } from '../../manifests/function.ts';
import { secretUses } from './secret-uses.ts';

const spec = (more: object) => functionSchema.parse({ bundle: `a/b@sha256:${'0'.repeat(64)}`, ...more });

test('a secret is used by bindings and by the tokens of HTTP triggers, each function named once', () => {
  const uses = secretUses({
    a: spec({ bindings: { KEY: { secret: 'shared' }, AGAIN: { secret: 'shared' }, KV: { kv: 'x' } } }),
    b: spec({
      on: [
        { http: '/b', auth: { bearer: 'shared' } },
        { http: '/public', auth: 'public' },
      ],
    }),
    c: spec({ bindings: { KEY: { secret: 'own' } } }),
  });
  expect([...uses]).toEqual([
    ['shared', ['a', 'b']],
    ['own', ['c']],
  ]);
});
