import { describe, expect, test } from '@jest/globals';
import { parseReference } from '../../cloud-sync/oci/index.ts';
import { digestOf } from '../../lib/digest.ts';
import { parseImageReference } from '../../manifests/image-reference.ts';

const digest = digestOf('x');

/** What the registry client makes of a reference, or undefined when it refuses it. */
function asClient(text: string) {
  try {
    const { registry, repository, tag, digest } = parseReference(text);
    return { registry, repository, tag, digest };
  } catch {
    return undefined;
  }
}

describe('the manifest and the registry client', () => {
  test.each([
    'functions/summary:latest',
    'summary',
    'summary:5000',
    'localhost/a/b:1',
    'localhost:5000/a',
    'registry:5000/a',
    'Registry.Example.com/a/b',
    '127.0.0.1:8443/a/b_c/d__e/f-g.h:v1.0_x',
    '[::1]:5000/a',
    `a/b:1@${digest}`,
    `host.tld:1/a@${digest}`,
    `${'a'.repeat(255)}:1`,
    `${'a'.repeat(256)}:1`,
    `host.tld/${'a'.repeat(256)}`,
    '-host.tld/a',
    '',
    'UPPER/x',
    'a//b',
    'a/',
    '/a',
    'a:b:c',
    'a:-b',
    'a___b',
    'a--b',
    'a..b',
    'a@sha256:12',
    `a@${digest}@${digest}`,
    '../a',
    'a b',
    'host.tld/',
  ])('read "%s" alike', (text) => {
    expect(parseImageReference(text)).toEqual(asClient(text));
  });
});
