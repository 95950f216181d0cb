import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../../lib/digest.ts';
import { formatReference, parseReference } from './reference.ts';

const digest = digestOf('x');

describe('reference', () => {
  test.each([
    ['functions/to-celsius', { repository: 'functions/to-celsius' }],
    ['functions/to-celsius:v1', { repository: 'functions/to-celsius', tag: 'v1' }],
    ['to-celsius:v1', { repository: 'to-celsius', tag: 'v1' }],
    [
      'registry.example.com/acme/web:v1',
      { registry: 'registry.example.com', repository: 'acme/web', tag: 'v1' },
    ],
    ['localhost/web', { registry: 'localhost', repository: 'web' }],
    ['localhost:5000/web:v1', { registry: 'localhost:5000', repository: 'web', tag: 'v1' }],
    ['[::1]:5000/web', { registry: '[::1]:5000', repository: 'web' }],
    [`acme/web@${digest}`, { repository: 'acme/web', digest }],
    [`h:1/acme/web:v1@${digest}`, { registry: 'h:1', repository: 'acme/web', tag: 'v1', digest }],
    ['a.b/c__d/e--f.g', { registry: 'a.b', repository: 'c__d/e--f.g' }],
  ])('%s is read and written again', (text, reference) => {
    expect(parseReference(text)).toEqual(reference);
    expect(formatReference(reference)).toBe(text);
  });

  test('of one name is never one of Docker Hub', () => {
    expect(parseReference('alpine').registry).toBeUndefined();
    expect(parseReference('library/alpine').registry).toBeUndefined();
  });

  test.each([
    '',
    '/',
    'acme/',
    '/acme',
    'acme//web',
    'Acme/web',
    'acme/web:',
    'acme/web:a:b',
    'acme/web:-v1',
    'acme/web@sha256:00',
    `acme/web@${digest}@${digest}`,
    'acme/../web',
    'acme/web:v1?x=y',
    'a_/b',
    'user@host.com/web',
    '.host/web',
    `acme/${'a'.repeat(600)}`,
    `acme/web:${'a'.repeat(129)}`,
  ])('%j is refused', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'badReference' }));
  });
});
