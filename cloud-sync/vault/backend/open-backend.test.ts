import { expect, test } from '@jest/globals';
import { openBackend } from './open-backend.ts';

test.each([
  ['/srv/vault/', '/srv/vault'],
  ['local:/srv/vault', '/srv/vault'],
  ['rest:https://cloud.example:8443/vault/kiosk-1', 'rest:https://cloud.example:8443/vault/kiosk-1/'],
  ['rest:http://127.0.0.1:8000/', 'rest:http://127.0.0.1:8000/'],
  ['rest:https://operator:s3cret@cloud.example/vault/a/', 'rest:https://cloud.example/vault/a/'],
])('%s is at %s, without who logs in', async (location, shown) => {
  await using backend = openBackend(location);
  expect(backend.location.replace(/(?<=.)\/$/, '')).toBe(shown.replace(/(?<=.)\/$/, ''));
});

test.each([
  'relative/folder',
  '',
  's3:https://s3.example/bucket',
  'sftp:u@host:/x',
  'rest:',
  'rest:ftp://u:s3cret@host/',
  'rest:https://u:s3cret@host/?a=b',
  'rest:https://u:s3cret%zz@host/',
  'https://u:s3cret@host/',
])('there is no repository at %j, and nobody is told the password', (location) => {
  let error: unknown;
  try {
    openBackend(location);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'badRequest' });
  expect(String(error)).not.toContain('s3cret');
});
