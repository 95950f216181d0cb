import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../../lib/digest.ts';
import { formatEnrolmentToken, parseEnrolmentToken } from './enrolment-token.ts';

const token = {
  url: 'https://cloud.example.com:8443',
  ca: digestOf('a certificate'),
  device: 'greenhouse-7',
  secret: 'c2VjcmV0LXNlY3JldC1zZWNyZXQ',
};
const encode = (value: unknown) => `hft1.${Buffer.from(JSON.stringify(value)).toString('base64url')}`;

describe('enrolment token', () => {
  test('comes back as it was written, blanks around it forgiven', () => {
    expect(parseEnrolmentToken(` ${formatEnrolmentToken(token)}\n`)).toEqual(token);
  });

  test.each([
    ['empty', ''],
    ['of another kind', 'hfr1.abc'],
    ['cut short', formatEnrolmentToken(token).slice(0, -9)],
    ['not JSON', 'hft1.AAAA'],
    ['too long', `hft1.${'A'.repeat(5000)}`],
    ['plain http', encode({ ...token, url: 'http://cloud.example.com' })],
    ['without a pin', encode({ ...token, ca: 'sha256:00' })],
    ['with a device name that climbs', encode({ ...token, device: '../x' })],
    ['with unknown fields', encode({ ...token, extra: 1 })],
  ])('is refused when %s', (_, text) => {
    expect(() => parseEnrolmentToken(text)).toThrow(expect.objectContaining({ code: 'badToken' }));
  });

  test('is not repeated in the error, as it holds a secret', () => {
    const text = encode({ ...token, url: 'http://x' });
    expect(() => parseEnrolmentToken(text)).toThrow(expect.not.stringContaining(text));
  });
});
