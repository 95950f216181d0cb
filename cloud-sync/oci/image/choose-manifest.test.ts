import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../../../lib/digest.ts';
import { ociIndexType, ociManifestType, type Descriptor, type ImageIndex } from '../manifest.ts';
import { chooseManifest, requirePlatform } from './choose-manifest.ts';
import type { Platform } from './platform.ts';

/** `linux/arm/v7`; none for '' */
function platformOf(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, variant };
}

function indexOf(texts: readonly string[]): ImageIndex {
  const manifests: Descriptor[] = texts.map((text, at) => ({
    mediaType: ociManifestType,
    digest: digestOf(`${at}`),
    size: 1,
    ...(text !== '' && { platform: platformOf(text) }),
  }));
  return { schemaVersion: 2, mediaType: ociIndexType, manifests };
}

function choose(texts: readonly string[], machine: string): string | undefined {
  const { digest } = chooseManifest(indexOf(texts), platformOf(machine), 'acme/web');
  return texts.find((_, at) => digestOf(`${at}`) === digest);
}

describe('of an index', () => {
  test.each([
    [['linux/arm64', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['windows/amd64', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['unknown/unknown', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64'], 'linux/amd64/v2', 'linux/amd64/v2'],
    [['linux/amd64/v3', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v8', 'linux/arm/v7'],
    [['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v6', 'linux/arm/v6'],
    [['linux/arm/v6', 'linux/arm'], 'linux/arm/v7', 'linux/arm'],
    [['linux/arm64'], 'linux/arm64/v8', 'linux/arm64'],
    [['linux/arm64/v8', 'linux/arm64/v8.2'], 'linux/arm64/v9', 'linux/arm64/v8.2'],
    [['linux/ppc64le/power9'], 'linux/ppc64le/power9', 'linux/ppc64le/power9'],
    [[''], 'linux/amd64', ''],
    [['', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
  ])('%j a machine of %s takes %j', (there, machine, chosen) => {
    expect(choose(there, machine)).toBe(chosen);
  });

  test.each([
    [['linux/arm64', 'linux/s390x'], 'linux/amd64', 'linux/arm64, linux/s390x'],
    [['linux/arm/v7'], 'linux/arm/v6', 'linux/arm/v7'],
    [['linux/arm/v7'], 'linux/arm64/v8', 'linux/arm/v7'],
    [['linux/ppc64le/power10'], 'linux/ppc64le/power9', 'linux/ppc64le/power10'],
    [['unknown/unknown'], 'linux/amd64', 'no platform'],
    [['', ''], 'linux/amd64', 'an unnamed platform'],
    [[], 'linux/amd64', 'no platform'],
  ])('%j a machine of %s takes none, and says what there is', (there, machine, said) => {
    expect(() => choose(there, machine)).toThrow(
      expect.objectContaining({
        code: 'wrongPlatform',
        message: `acme/web is for ${said}; this machine is ${machine}`,
      }),
    );
  });
});

test('an image that says of itself that it is of another architecture is refused', () => {
  const machine = platformOf('linux/amd64');
  expect(() => requirePlatform(platformOf('linux/arm64'), machine, 'a')).toThrow(
    'this machine is linux/amd64',
  );
  expect(() => requirePlatform(platformOf('linux/amd64'), machine, 'a')).not.toThrow();
});
