import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../lib/digest.ts';
import { isPinned, parseImageReference, pinReference } from './image-reference.ts';

const digest = digestOf('x');

describe('an image reference', () => {
  test.each([
    ['functions/summary:latest', undefined, 'functions/summary', 'latest'],
    ['summary', undefined, 'summary', undefined],
    ['summary:5000', undefined, 'summary', '5000'],
    ['localhost/a/b:1', 'localhost', 'a/b', '1'],
    ['localhost:5000/a', 'localhost:5000', 'a', undefined],
    ['registry:5000/a', 'registry:5000', 'a', undefined],
    ['Registry.Example.com/a/b', 'Registry.Example.com', 'a/b', undefined],
    ['127.0.0.1:8443/a/b_c/d__e/f-g.h:v1.0_x', '127.0.0.1:8443', 'a/b_c/d__e/f-g.h', 'v1.0_x'],
  ])('%s has registry %s, repository %s and tag %s', (text, registry, repository, tag) => {
    expect(parseImageReference(text)).toEqual({ registry, repository, tag, digest: undefined });
    expect(parseImageReference(`${text}@${digest}`)).toEqual({ registry, repository, tag, digest });
  });

  test.each([
    '',
    'UPPER/x',
    'a//b',
    'a/',
    '/a',
    'a:b:c',
    'a@sha256:12',
    `a@${digest}0`,
    '../a',
    'a b',
    'host.tld/',
    'a/B',
  ])('"%s" is none', (text) => {
    expect(parseImageReference(text)).toBeUndefined();
  });

  test('loses its tag when it is pinned, and keeps its place', () => {
    expect(pinReference('functions/summary:latest', digest)).toBe(`functions/summary@${digest}`);
    expect(pinReference('r.io/a/b', digest)).toBe(`r.io/a/b@${digest}`);
    expect(isPinned('a/b:1')).toBe(false);
    expect(isPinned(`a/b:1@${digest}`)).toBe(true);
  });
});
