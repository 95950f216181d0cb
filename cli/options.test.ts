import { describe, expect, test } from '@jest/globals';
import { parseCountUpTo, parseDurationUpTo, parsePath, parsePublicUrl, parseReason } from './options.ts';

describe('an address that devices are told', () => {
  test('is taken as it is, without a slash at its end', () => {
    expect(parsePublicUrl('https:')('https://cloud.example.com')).toBe('https://cloud.example.com');
    expect(parsePublicUrl('https:')('https://Cloud.example.com:443/a/')).toBe(
      'https://Cloud.example.com:443/a',
    );
    expect(parsePublicUrl('https:')('https://192.0.2.7:8443/')).toBe('https://192.0.2.7:8443');
    expect(parsePublicUrl('mqtts:')('mqtts://[2001:db8::1]:8883')).toBe('mqtts://[2001:db8::1]:8883');
  });

  test.each([
    'cloud.example.com:8443',
    'http://cloud.example.com',
    'htp:/x',
    'https://',
    'https:cloud.example.com',
    'https://me:secret@cloud.example.com',
    'https://cloud.example.com?tenant=1',
    'https://cloud.example.com/?',
    'https://cloud.example.com#',
    'https://cloud.exam\nple.com',
    'https://cloud.example.com:99999',
    '',
  ])('is refused when no device could use it: %s', (text) => {
    expect(() => parsePublicUrl('https:')(text)).toThrow('such as https://cloud.example.com:8443');
  });
});

test('a path that is empty is none', () => {
  expect(parsePath('./data')).toBe('./data');
  expect(() => parsePath('')).toThrow('empty');
});

test('what ends by itself has its bounds named', () => {
  const parse = parseDurationUpTo(7);
  expect([parse('1s'), parse('7d')]).toEqual([1000, 604_800_000]);
  for (const text of ['0', '8d', '169h']) expect(() => parse(text)).toThrow('Give a time from 1s to 7d.');
});

test('a count and a reason that are too large are refused by what they may be', () => {
  expect(parseCountUpTo(10)('10')).toBe(10);
  expect(() => parseCountUpTo(10)('11')).toThrow('at most 10');
  expect(parseReason('x'.repeat(200))).toHaveLength(200);
  for (const text of ['', 'x'.repeat(201)]) expect(() => parseReason(text)).toThrow('1 to 200 characters');
});
