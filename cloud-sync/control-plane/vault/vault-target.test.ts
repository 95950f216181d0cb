import { expect, test } from '@jest/globals';
import { parseVaultTarget } from './vault-target.ts';

const name = 'ab'.repeat(32);
const device = 'kiosk-1';

test.each([
  ['/vault/kiosk-1', { kind: 'repository', device }],
  ['/vault/kiosk-1/', { kind: 'repository', device }],
  ['/vault/kiosk-1/config', { kind: 'file', device, place: { device, type: 'config', name: '' } }],
  ['/vault/kiosk-1/data/', { kind: 'folder', device, type: 'data' }],
  ['/vault/kiosk-1/keys', { kind: 'folder', device, type: 'keys' }],
  [`/vault/kiosk-1/locks/${name}`, { kind: 'file', device, place: { device, type: 'locks', name } }],
])('%s is a place in a vault', (path, target) => {
  expect(parseVaultTarget(path)).toEqual(target);
});

test.each([
  '/vault',
  '/vault/',
  '/vault//data/',
  '/vault/../data/',
  '/vault/kiosk%2d1/data/',
  '/vault/KIOSK/data/',
  '/vault/kiosk-1/config/',
  '/vault/kiosk-1/other/',
  '/vault/kiosk-1//data/',
  `/vault/kiosk-1/config/${name}`,
  '/vault/kiosk-1/__proto__/x',
])('there is nothing at %s', (path) => {
  expect(() => parseVaultTarget(path)).toThrow(expect.objectContaining({ code: 'notFound' }));
});

test.each([
  '..',
  '%2e%2e',
  name.toUpperCase(),
  name.slice(1),
  `${name}0`,
  `${name}/`,
  `../../${name}`,
  `${name.slice(0, 2)}/${name}`,
  `${name}%00`,
  'x'.repeat(10_000),
])('data/%s is no name of a file', (bad) => {
  expect(() => parseVaultTarget(`/vault/kiosk-1/data/${bad}`)).toThrow(
    expect.objectContaining({ code: 'badRequest' }),
  );
});
