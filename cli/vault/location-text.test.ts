import { expect, test } from '@jest/globals';
import { locationText } from './location-text.ts';

test.each([
  [
    'rest:https://operator:s3cret@cloud.example:8443/vault/kiosk-1/',
    'rest:https://cloud.example:8443/vault/kiosk-1/',
  ],
  ['rest:http://s3cret@127.0.0.1/', 'rest:http://127.0.0.1/'],
  ['rest:https://cloud.example/a@b/', 'rest:https://cloud.example/a@b/'],
  ['/srv/a@b', '/srv/a@b'],
  ['cloud:kiosk-1', 'cloud:kiosk-1'],
])('%s is shown as %s, on the sheet of a recovery code too', (location, shown) => {
  expect(locationText(location)).toBe(shown);
});
