import type { JsonObject } from './json.ts';
import { deltaOf, merge } from './merge.ts';
import { mergeMetadata, metadataOf, stamp } from './metadata.ts';

/** What a device should be and what it says it is. A section without values is left out. */
export type Sections = { readonly desired?: JsonObject; readonly reported?: JsonObject };
/** `null` takes a whole section away. */
export type SectionsPatch = {
  readonly desired?: JsonObject | null | undefined;
  readonly reported?: JsonObject | null | undefined;
};

/**
 * A device shadow as AWS IoT has them: its state, when each value of it was set, a version that grows with every change, and
 * the time of the last one (seconds since 1970). One that was deleted keeps its version and does not exist.
 */
export type Shadow = {
  readonly exists: boolean;
  readonly version: number;
  readonly timestamp: number;
  readonly state: Sections;
  readonly metadata: Sections;
};

export const absentShadow: Shadow = { exists: false, version: 0, timestamp: 0, state: {}, metadata: {} };

const sectionNames = ['desired', 'reported'] as const;

/** The next version of a shadow. The same patch at the same time makes the same shadow everywhere. */
export function applyPatch(shadow: Shadow, patch: SectionsPatch, timestamp: number): Shadow {
  let { state, metadata } = shadow;
  for (const name of sectionNames) {
    const change = patch[name];
    if (change === undefined) continue;
    const before = { state: state[name], metadata: metadata[name] };
    const section = change === null ? {} : merge(before.state, change);
    const times = change === null ? {} : mergeMetadata(before, change, timestamp);
    state = withSection(state, name, section);
    metadata = withSection(metadata, name, Object.keys(section).length === 0 ? {} : times);
  }
  return { exists: true, version: shadow.version + 1, timestamp, state, metadata };
}

/** A shadow that was deleted, which is a version too: who follows the versions does not miss it. Made anew, it goes on from there. */
export function deleted({ version }: Shadow, timestamp: number): Shadow {
  return { ...absentShadow, version: version + 1, timestamp };
}

function withSection(
  { desired, reported }: Sections,
  name: 'desired' | 'reported',
  section: JsonObject,
): Sections {
  const all = { desired, reported, [name]: section };
  return Object.fromEntries(
    sectionNames.flatMap((each) => {
      const content = all[each];
      return content && Object.keys(content).length > 0 ? [[each, content]] : [];
    }),
  );
}

/** What the device should be and does not say it is, with when it was desired. */
export function deltaOfShadow({ state, metadata }: Shadow) {
  const delta = deltaOf(state.desired ?? {}, state.reported ?? {});
  return delta && { state: delta, metadata: metadataOf(metadata.desired ?? {}, delta) };
}

/** When each value of a patch is set, as its answer says. */
export function patchMetadata(patch: SectionsPatch, timestamp: number): Sections {
  const stamped = sectionNames.flatMap((name) => {
    const change = patch[name];
    return change ? [[name, stamp(change, timestamp)]] : [];
  });
  return Object.fromEntries(stamped) as Sections;
}
