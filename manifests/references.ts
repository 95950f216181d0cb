import type { Digest } from '../lib/digest.ts';
import { parseImageReference } from './image-reference.ts';
import type { Machine } from './machine.ts';

/** Anything a machine runs from an image: `functions.to-celsius`, `apps.dashboard`. */
export type ComponentId = `apps.${string}` | `functions.${string}`;

export type ComponentReference = {
  readonly component: ComponentId;
  readonly reference: string;
  /** undefined when the reference is a tag only. */
  readonly digest: Digest | undefined;
};

/** Every image and bundle of a machine, apps first, each in the order of their names. */
export function references({ apps, functions }: Pick<Machine, 'apps' | 'functions'>): ComponentReference[] {
  const images = Object.entries(apps).map(([name, { image }]) => [`apps.${name}`, image] as const);
  const bundles = Object.entries(functions).map(
    ([name, { bundle }]) => [`functions.${name}`, bundle] as const,
  );
  return [...byName(images), ...byName(bundles)].map(([component, reference]) => ({
    component,
    reference,
    digest: parseImageReference(reference)?.digest,
  }));
}

function byName<Entry extends readonly [string, unknown]>(entries: readonly Entry[]): Entry[] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
