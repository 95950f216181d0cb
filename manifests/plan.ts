import serialize from 'canonicalize';
import type { Digest } from '../lib/digest.ts';
import type { AppSpec } from './app.ts';
import type { FunctionSpec } from './function.ts';
import { parseImageReference } from './image-reference.ts';
import type { Machine } from './machine.ts';
import { ManifestError } from './manifest-error.ts';
import { observabilitySchema } from './network.ts';
import type { MachineSettings, SectionChange, Step } from './plan-steps.ts';
import { references } from './references.ts';
import type { ComponentId } from './references.ts';

export type Observed = {
  /** What the device runs; null on a blank one. */
  readonly applied: Machine | null;
  /** Digests of the image and bundle manifests that are on disk whole. */
  readonly present: ReadonlySet<Digest>;
  /** Bytes behind a digest, where they are known. */
  readonly sizes?: ReadonlyMap<Digest, number>;
};

export type Plan = {
  readonly steps: readonly Step[];
  /** null when the size of any download is not known. */
  readonly downloadBytes: number | null;
  /** What runs now and is interrupted. */
  readonly restarts: readonly ComponentId[];
};

const defaultObservability = observabilitySchema.parse({});

type Section<Spec> = Readonly<Record<string, Spec>>;

/**
 * What to do to make a device that is `observed` into `desired`. Pure; a machine that is what it should be gets no step.
 * Order: everything is fetched before anything stops [G2]; volumes before what uses them; the old stops in reverse, then
 * streams and clients, then apps in the order of `after`, then functions. Throws `unresolved` for a reference by tag.
 */
export function plan(desired: Machine, { applied, present, sizes = new Map() }: Observed): Plan {
  const fetches = planFetches(desired, present, sizes);
  const steps = [
    ...fetches,
    ...planSettings(desired, applied),
    ...planNewVolumes(desired, applied),
    ...planStops(desired, applied),
    ...planStreams(desired, applied),
    ...planClients(desired, applied),
    ...planListeners(desired, applied),
    ...planBridges(desired, applied),
    ...planObservability(desired, applied),
    ...planApps(desired, applied),
    ...planFunctions(desired, applied),
    ...planOldVolumes(desired, applied),
  ];
  return { steps, downloadBytes: sum(fetches.map(({ bytes }) => bytes)), restarts: steps.flatMap(restartOf) };
}

type Fetch = Extract<Step, { kind: 'fetch' }>;

function planFetches(
  desired: Machine,
  present: ReadonlySet<Digest>,
  sizes: ReadonlyMap<Digest, number>,
): Fetch[] {
  const fetches = new Map<Digest, Fetch>();
  for (const { component, reference, digest } of references(desired)) {
    if (digest === undefined)
      throw new ManifestError(
        'unresolved',
        `Cannot plan ${component}: ${reference} is named by tag, not by digest`,
        {
          hint: 'Resolve the manifest first.',
        },
      );
    if (present.has(digest) || fetches.has(digest)) continue;
    fetches.set(digest, { kind: 'fetch', component, reference, digest, bytes: sizes.get(digest) ?? null });
  }
  return [...fetches.values()];
}

function planSettings(desired: Machine, applied: Machine | null): Step[] {
  const settings = settingsOf(desired);
  const before = applied ? settingsOf(applied) : { labels: {}, control: undefined, vault: undefined };
  return isSame(settings, before) ? [] : [{ kind: 'configureMachine', settings }];
}

function settingsOf({ metadata: { labels }, control, vault }: Machine): MachineSettings {
  return { labels, control, vault };
}

function planNewVolumes({ volumes }: Machine, applied: Machine | null): Step[] {
  const { added, changed } = compare(applied?.volumes, volumes);
  const step = (kind: 'createVolume' | 'configureVolume') => (name: string) =>
    withSpec(volumes, name, (spec): Step => ({ kind, name, spec }));
  return [...added.flatMap(step('createVolume')), ...changed.flatMap(step('configureVolume'))];
}

function planOldVolumes({ volumes }: Machine, applied: Machine | null): Step[] {
  return compare(applied?.volumes, volumes).removed.map((name) => ({ kind: 'retainVolume', name }));
}

function planStops(desired: Machine, applied: Machine | null): Step[] {
  const functions = compare(applied?.functions, desired.functions).removed;
  const apps = new Set(compare(applied?.apps, desired.apps).removed);
  const order = startOrder(applied?.apps ?? {}).toReversed();
  return [
    ...functions.map((name): Step => ({ kind: 'stopFunction', name })),
    ...order.filter((name) => apps.has(name)).map((name): Step => ({ kind: 'stopApp', name })),
  ];
}

function planStreams({ streams }: Machine, applied: Machine | null): Step[] {
  const change = compare(applied?.streams, streams);
  return isEmpty(change) ? [] : [{ kind: 'configureStreams', streams, ...change }];
}

function planClients({ clients }: Machine, applied: Machine | null): Step[] {
  const change = compare(applied?.clients, clients);
  return isEmpty(change) ? [] : [{ kind: 'configureClients', clients, ...change }];
}

function planListeners({ listeners }: Machine, applied: Machine | null): Step[] {
  const change = compare(applied?.listeners, listeners);
  return isEmpty(change) ? [] : [{ kind: 'configureListeners', listeners, ...change }];
}

function planBridges({ bridges }: Machine, applied: Machine | null): Step[] {
  const change = compare(applied?.bridges, bridges);
  return isEmpty(change) ? [] : [{ kind: 'configureBridges', bridges, ...change }];
}

/** A blank machine observes by default, which is no step. */
function planObservability({ observability }: Machine, applied: Machine | null): Step[] {
  const before = applied?.observability ?? defaultObservability;
  return isSame(observability, before) ? [] : [{ kind: 'configureObservability', observability }];
}

function planApps({ apps }: Machine, applied: Machine | null): Step[] {
  const { added, changed } = compare(applied?.apps, apps);
  return startOrder(apps).flatMap((name) => {
    if (added.includes(name)) return withSpec(apps, name, (spec): Step => ({ kind: 'startApp', name, spec }));
    if (changed.includes(name))
      return withSpec(apps, name, (spec): Step => ({ kind: 'replaceApp', name, spec }));
    return [];
  });
}

function planFunctions({ functions }: Machine, applied: Machine | null): Step[] {
  const { added, changed } = compare(applied?.functions, functions);
  return [
    ...added.flatMap((name) =>
      withSpec(functions, name, (spec): Step => ({ kind: 'startFunction', name, spec })),
    ),
    ...changed.flatMap((name) =>
      withSpec(functions, name, (spec) => changeFunction(name, applied?.functions[name], spec)),
    ),
  ];
}

function changeFunction(name: string, before: FunctionSpec | undefined, spec: FunctionSpec): Step {
  if (!before || digestIn(before.bundle) !== digestIn(spec.bundle))
    return { kind: 'replaceFunction', name, spec };
  const restart = !isSame(before.limits, spec.limits) || !isSame(before.bindings, spec.bindings);
  return { kind: 'reconfigureFunction', name, spec, restart };
}

/** The same digest from another registry is the same code. */
function digestIn(reference: string): string | undefined {
  return parseImageReference(reference)?.digest;
}

/** Names of apps so that each comes after those it names in `after`; else by name. A cycle is cut where it is met. */
function startOrder(apps: Section<AppSpec>): string[] {
  const order = new Set<string>();
  const visiting = new Set<string>();
  const visit = (name: string) => {
    if (visiting.has(name) || !Object.hasOwn(apps, name)) return;
    visiting.add(name);
    apps[name]?.after.forEach(visit);
    order.add(name);
  };
  Object.keys(apps).sort().forEach(visit);
  return [...order];
}

/** Names by name, so that a plan does not depend on the order of keys in the file. */
function compare(before: Section<unknown> = {}, after: Section<unknown>): SectionChange {
  const names = Object.keys(after).sort();
  const isNew = (name: string) => !Object.hasOwn(before, name);
  return {
    added: names.filter(isNew),
    changed: names.filter((name) => !isNew(name) && !isSame(before[name], after[name])),
    removed: Object.keys(before)
      .filter((name) => !Object.hasOwn(after, name))
      .sort(),
  };
}

/** By their RFC 8785 form: the order of keys says nothing. */
function isSame(a: unknown, b: unknown): boolean {
  return serialize(a) === serialize(b);
}

function isEmpty({ added, changed, removed }: SectionChange): boolean {
  return added.length + changed.length + removed.length === 0;
}

function withSpec<Spec>(section: Section<Spec>, name: string, make: (spec: Spec) => Step): Step[] {
  const spec = section[name];
  return spec === undefined ? [] : [make(spec)];
}

function restartOf(step: Step): ComponentId[] {
  if (step.kind === 'replaceApp') return [`apps.${step.name}`];
  if (step.kind === 'replaceFunction') return [`functions.${step.name}`];
  return step.kind === 'reconfigureFunction' && step.restart ? [`functions.${step.name}`] : [];
}

function sum(sizes: readonly (number | null)[]): number | null {
  return sizes.reduce((total, size) => (total === null || size === null ? null : total + size), 0);
}
