import { expect, test } from '@jest/globals';
import { parseChallenge } from './registry-auth.ts';

test('a token challenge names where to ask, and for what', () => {
  expect(
    parseChallenge('Bearer realm="https://auth.example.com/token",service="reg",scope="repository:a/b:pull"'),
  ).toEqual({ realm: 'https://auth.example.com/token', service: 'reg', scope: 'repository:a/b:pull' });
});

test.each([
  'Basic realm="holdfast"',
  'Bearer',
  'Bearer realm="http://auth.example.com/token"',
  'Bearer realm="nonsense"',
  `Bearer realm="https://a/${'x'.repeat(10_000)}"`,
])('credentials are not sent after the challenge %.40j', (header) => {
  expect(parseChallenge(header)).toBeUndefined();
});
