import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import type { Descriptor, ImageIndex } from '../manifest.ts';
import { platformText, type Platform } from './platform.ts';

const platformSchema = z.looseObject({
  os: z.string().max(64),
  architecture: z.string().max(64),
  variant: z.string().max(64).optional(),
});

/** What an architecture's name means without a variant. */
const impliedVariants: Partial<Record<string, string>> = { arm: 'v7', arm64: 'v8', amd64: 'v1' };
/** Platforms that are told of in an error. */
const maxNamed = 20;

/**
 * The manifest of an index (or docker's manifest list) that runs on `platform`: the highest variant up to the machine's
 * own, the first of equals. One without a platform is taken when it is the only one; its config decides. Attestations
 * (`unknown/unknown`) are passed over. Throws `wrongPlatform`.
 */
export function chooseManifest(index: ImageIndex, platform: Platform, name: string): Descriptor {
  const images = index.manifests.filter((entry) => !isAttestation(entry));
  const fitting = images
    .map((entry) => ({ entry, rank: rankOf(platformOf(entry), platform) }))
    .filter(({ rank }) => rank !== undefined)
    .toSorted((a, b) => (b.rank ?? 0) - (a.rank ?? 0));
  const [only, ...others] = images;
  const chosen = fitting[0]?.entry ?? (others.length === 0 && only && !platformOf(only) ? only : undefined);
  if (chosen) return chosen;
  throw wrongPlatform(name, images.map(platformOf), platform);
}

/** Throws `wrongPlatform` when an image that says of itself that it is of `made` does not run on `platform`. */
export function requirePlatform(made: Platform, platform: Platform, name: string): void {
  if (rankOf(made, platform) === undefined) throw wrongPlatform(name, [made], platform);
}

/** Higher is nearer to the machine; undefined does not run on it. Older variants run on newer machines. */
function rankOf(made: Platform | undefined, machine: Platform): number | undefined {
  if (made?.os !== machine.os || made.architecture !== machine.architecture) return undefined;
  const wanted = variantOf(machine);
  const found = variantOf(made);
  if (found === wanted) return Infinity;
  const [most, level] = [levelOf(wanted), levelOf(found)];
  return level <= most ? level : undefined;
}

function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant === undefined || variant === '' ? impliedVariants[architecture] : variant;
}

/** `v8.2` is 8.02; NaN for variants that have no order. */
function levelOf(variant: string | undefined): number {
  const [, major, minor = '0'] = /^v([0-9]{1,3})(?:\.([0-9]{1,2}))?$/.exec(variant ?? '') ?? [];
  return Number(major) + Number(minor) / 100;
}

function platformOf(entry: Descriptor): Platform | undefined {
  return platformSchema.safeParse(entry.platform).data;
}

export function isAttestation(entry: Descriptor): boolean {
  const { os, architecture } = platformOf(entry) ?? {};
  return os === 'unknown' && architecture === 'unknown';
}

function wrongPlatform(name: string, made: readonly (Platform | undefined)[], machine: Platform): SyncError {
  const texts = [...new Set(made.map((one) => (one ? platformText(one) : 'an unnamed platform')))];
  const there = texts.slice(0, maxNamed).join(', ') + (texts.length > maxNamed ? ', …' : '');
  return new SyncError(
    'wrongPlatform',
    `${name} is for ${there || 'no platform'}; this machine is ${platformText(machine)}`,
    { hint: 'Build and push the image for this platform too, or name another image.' },
  );
}
