import { expect, test } from '@jest/globals';
import { RegistryClient } from '../cloud-sync/oci/index.ts';
import type { HttpsClient } from '../lib/https-client.ts';
import { createLogger, type LogEvent } from '../lib/logger.ts';
import { registrySchema } from '../manifests/registries.ts';
import { Registries } from './registries.ts';

const http: HttpsClient = {
  request: () => Promise.reject(new Error('no network here')),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
const own = new RegistryClient({ http, registryUrl: 'https://cloud.example.com' });
const events: LogEvent[] = [];
const registriesWith = (secrets: Record<string, string>, enrolled = true) =>
  new Registries({
    own: enrolled ? own : undefined,
    secret: (name) => Promise.resolve(secrets[name]),
    logger: createLogger((event) => events.push(event)),
  });
const spec = (written: unknown) => registrySchema.parse(written);
const hosts = (clients: readonly RegistryClient[]) => clients.map(({ host }) => host);

test("a registry is asked after its mirrors, also the control plane's", async () => {
  const registries = registriesWith({});
  await registries.use({
    'hub.example.com': spec({ mirrors: ['a.lan:5000', 'cloud.example.com'] }),
    'cloud.example.com': spec({ mirrors: ['b.lan'] }),
  });
  expect(hosts(registries.clients('hub.example.com'))).toEqual([
    'a.lan:5000',
    'cloud.example.com',
    'hub.example.com',
  ]);
  expect(hosts(registries.clients(undefined))).toEqual(['b.lan', 'cloud.example.com']);
  expect(registries.clients('cloud.example.com').at(-1)).toBe(own);
  expect(hosts(registries.clients('elsewhere.example'))).toEqual(['elsewhere.example']);
});

test('a secret that lacks fails only what needs it, and leaves a mirror out', async () => {
  const registries = registriesWith({});
  await registries.use({
    'hub.example.com': spec({ login: 'hub' }),
    'other.example.com': spec({ mirrors: ['hub.example.com'] }),
  });
  expect(() => registries.clients('hub.example.com')).toThrow(
    expect.objectContaining({
      code: 'unknownSecret',
      hint: expect.stringContaining('holdfast secrets set hub'),
    }),
  );
  expect(hosts(registries.clients('other.example.com'))).toEqual(['other.example.com']);
  expect(events.map(({ event }) => event)).toEqual(['registry.leftOut']);
});

test('a device that is enrolled with nobody has no registry of its own', () => {
  expect(() => registriesWith({}, false).clients(undefined)).toThrow(
    expect.objectContaining({ code: 'notEnrolled' }),
  );
});
