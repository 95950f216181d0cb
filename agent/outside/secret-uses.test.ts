import { expect, test } from '@jest/globals';
import { functionSchema } from '../../manifests/function.ts';
import { machineSchema } from '../../manifests/machine.ts';
import { secretUses } from './secret-uses.ts';

const spec = (more: object) => functionSchema.parse({ bundle: `a/b@sha256:${'0'.repeat(64)}`, ...more });

const usesOf = (functions: Parameters<typeof secretUses>[0]['functions']) =>
  secretUses({ functions, bridges: {}, listeners: {}, registries: {}, vault: undefined });

test('a secret is used by bindings and by the tokens of HTTP triggers, each function named once', () => {
  const uses = usesOf({
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

test('a secret is used by bridges, listeners, registries and the vault, each by its place in the manifest', () => {
  const uses = secretUses(
    machineSchema.parse({
      ...{ apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: 'gate' } },
      bridges: {
        plant: { url: 'mqtts://plant:8883', password: 'login', tls: { ca: 'site-ca' } },
        open: { url: 'mqtt://x' },
      },
      listeners: {
        lan: { protocol: 'mqtts', port: 8883, tls: { certificate: 'lan-cert', key: 'lan-key' } },
        own: { protocol: 'mqtts', port: 8884 },
      },
      registries: { 'hub.lan:5000': { login: 'login', tls: { ca: 'site-ca' } } },
      vault: { repository: 'rest:https://backup.lan/', login: 'vault-login' },
    }),
  );
  expect(Object.fromEntries(uses)).toEqual({
    login: ['bridges.plant', 'registries.hub.lan:5000'],
    'site-ca': ['bridges.plant', 'registries.hub.lan:5000'],
    'lan-cert': ['listeners.lan'],
    'lan-key': ['listeners.lan'],
    'vault-login': ['vault'],
  });
});
