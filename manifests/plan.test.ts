import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../lib/digest.ts';
import type { Digest } from '../lib/digest.ts';
import { machineSchema } from './machine.ts';
import type { Machine } from './machine.ts';
import { plan } from './plan.ts';
import type { Plan } from './plan.ts';
import { summarize } from './plan-steps.ts';
import type { Step } from './plan-steps.ts';
import { references } from './references.ts';

const image = (text: string) => `r.io/${text}@${digestOf(text)}`;
const machine = (parts: object): Machine =>
  machineSchema.parse({ apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: 'm' }, ...parts });
const nothing: ReadonlySet<Digest> = new Set();
const everything = (of: Machine) => new Set(references(of).flatMap(({ digest }) => digest ?? []));
const kinds = ({ steps }: Plan) =>
  steps.map((step) => ('name' in step ? `${step.kind} ${step.name}` : step.kind));

const password = `$scrypt$ln=14,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
const greenhouse = machine({
  functions: { f: { bundle: image('f1'), on: [{ mqtt: 'a/#' }], bindings: { OUT: { publish: 'b' } } } },
  apps: {
    web: { image: image('web'), after: ['db'], volumes: { '/data': 'data' } },
    db: { image: image('db') },
  },
  volumes: { data: {} },
  streams: { s: { topics: ['b'] } },
  clients: { c: { password } },
});

describe('a plan', () => {
  test('for a machine that is what it should be is empty', () => {
    const again = structuredClone(greenhouse);
    const result = plan(again, { applied: greenhouse, present: everything(greenhouse) });
    expect(result).toEqual({ steps: [], downloadBytes: 0, restarts: [] });
  });

  test('for a blank machine fetches all, then makes volumes, streams, clients, apps in order, functions', () => {
    expect(kinds(plan(greenhouse, { applied: null, present: nothing }))).toEqual([
      'fetch',
      'fetch',
      'fetch',
      'createVolume data',
      'configureStreams',
      'configureClients',
      'startApp db',
      'startApp web',
      'startFunction f',
    ]);
  });

  test('fetches what is needed twice once, and not what is there', () => {
    const twice = machine({
      functions: { f: { bundle: image('x') }, g: { bundle: image('x') }, h: { bundle: image('y') } },
    });
    const { steps } = plan(twice, { applied: null, present: new Set([digestOf('y')]) });
    expect(steps.filter(({ kind }) => kind === 'fetch')).toMatchObject([
      { component: 'functions.f', digest: digestOf('x') },
    ]);
  });

  test('sums the bytes to download, or says that it cannot know', () => {
    const desired = machine({ functions: { f: { bundle: image('x') }, g: { bundle: image('y') } } });
    const sizes = new Map([
      [digestOf('x'), 10],
      [digestOf('y'), 5],
    ]);
    expect(plan(desired, { applied: null, present: nothing, sizes }).downloadBytes).toBe(15);
    sizes.delete(digestOf('y'));
    expect(plan(desired, { applied: null, present: nothing, sizes }).downloadBytes).toBeNull();
  });

  test('replaces a function of other code, and restarts nothing else', () => {
    const desired = structuredClone(greenhouse);
    desired.functions.f!.bundle = image('f2');
    const result = plan(desired, { applied: greenhouse, present: nothing });
    expect(kinds(result)).toContain('replaceFunction f');
    expect(result.restarts).toEqual(['functions.f']);
  });

  test('keeps a function running when only its triggers change, and restarts it when its authority does', () => {
    const triggers = structuredClone(greenhouse);
    triggers.functions.f!.on = [];
    expect(plan(triggers, { applied: greenhouse, present: everything(greenhouse) })).toMatchObject({
      steps: [{ kind: 'reconfigureFunction', restart: false }],
      restarts: [],
    });
    const authority = structuredClone(greenhouse);
    authority.functions.f!.bindings = {};
    expect(plan(authority, { applied: greenhouse, present: everything(greenhouse) })).toMatchObject({
      steps: [{ kind: 'reconfigureFunction', restart: true }],
      restarts: ['functions.f'],
    });
  });

  test('does not replace a function whose same code comes from another registry', () => {
    const moved = structuredClone(greenhouse);
    moved.functions.f!.bundle = image('f1').replace('r.io', 'elsewhere.io');
    const result = plan(moved, { applied: greenhouse, present: everything(greenhouse) });
    expect(result).toMatchObject({ steps: [{ kind: 'reconfigureFunction', restart: false }], restarts: [] });
  });

  test('stops apps in reverse of their order and keeps the data of a volume that left the file', () => {
    expect(kinds(plan(machine({}), { applied: greenhouse, present: nothing }))).toEqual([
      'stopFunction f',
      'stopApp web',
      'stopApp db',
      'configureStreams',
      'configureClients',
      'retainVolume data',
    ]);
  });

  test('of labels, control plane or vault is one step', () => {
    const desired = machine({ metadata: { name: 'm', labels: { site: 'north' } } });
    expect(kinds(plan(desired, { applied: machine({}), present: nothing }))).toEqual(['configureMachine']);
  });

  test('refuses a reference by tag', () => {
    const tagged = machine({ functions: { f: { bundle: 'a/b:1' } } });
    expect(() => plan(tagged, { applied: null, present: nothing })).toThrow(
      'a/b:1 is named by tag, not by digest',
    );
  });

  test('tells each step in one line', () => {
    const { steps } = plan(greenhouse, {
      applied: null,
      present: nothing,
      sizes: new Map([[digestOf('db'), 7]]),
    });
    expect(steps.map(summarize)).toEqual([
      `fetch apps.db ${image('db')} (7 bytes)`,
      `fetch apps.web ${image('web')}`,
      `fetch functions.f ${image('f1')}`,
      'create the volume data',
      'configure streams: add s',
      'configure MQTT clients: add c',
      `start the app db from ${image('db')}`,
      `start the app web from ${image('web')}`,
      `start the function f from ${image('f1')}`,
    ]);
  });
});

describe('doing the steps of a plan', () => {
  const seeds = Array.from({ length: 100 }, (_, seed) => seed);

  test('makes any machine into any other, after which nothing is left to do', () => {
    for (const seed of seeds) {
      const random = generator(seed);
      const applied = random() < 0.2 ? null : randomMachine(random);
      const desired = randomMachine(random);
      const { steps } = plan(desired, { applied, present: nothing });
      const result = steps.reduce(apply, { machine: applied ?? machine({}), present: new Set<Digest>() });
      expect(result.machine).toEqual(desired);
      expect(plan(desired, { applied: result.machine, present: everything(desired) }).steps).toEqual([]);
    }
  });

  test('fetches all before anything stops, and starts each app after those it waits for', () => {
    for (const seed of seeds) {
      const random = generator(seed);
      const desired = randomMachine(random);
      const { steps } = plan(desired, { applied: randomMachine(random), present: nothing });
      const lastFetch = steps.findLastIndex(({ kind }) => kind === 'fetch');
      expect(lastFetch).toBe(steps.filter(({ kind }) => kind === 'fetch').length - 1);
      const started = steps.flatMap((step) =>
        step.kind === 'startApp' || step.kind === 'replaceApp' ? [step] : [],
      );
      started.forEach(({ spec }, index) => {
        const later = started.slice(index).map(({ name }) => name);
        expect(spec.after.filter((name) => later.includes(name))).toEqual([]);
      });
    }
  });
});

type World = { readonly machine: Machine; readonly present: ReadonlySet<Digest> };

/** What a device does for a step, on paper. Starting what was not fetched is a fault of the plan. */
function apply({ machine, present }: World, step: Step): World {
  const next = structuredClone(machine);
  switch (step.kind) {
    case 'fetch':
      return { machine, present: new Set([...present, step.digest]) };
    case 'configureMachine': {
      const { labels, control, vault } = step.settings;
      next.metadata.labels = labels;
      if (control) next.control = control;
      else delete next.control;
      if (vault) next.vault = vault;
      else delete next.vault;
      break;
    }
    case 'createVolume':
    case 'configureVolume':
      next.volumes[step.name] = step.spec;
      break;
    case 'retainVolume':
      Reflect.deleteProperty(next.volumes, step.name);
      break;
    case 'configureStreams':
      next.streams = step.streams;
      break;
    case 'configureClients':
      next.clients = step.clients;
      break;
    case 'configureListeners':
      next.listeners = step.listeners;
      break;
    case 'configureBridges':
      next.bridges = step.bridges;
      break;
    case 'configureObservability':
      next.observability = step.observability;
      break;
    case 'startFunction':
    case 'replaceFunction':
    case 'reconfigureFunction':
      if (step.kind !== 'reconfigureFunction') expectPresent(step.spec.bundle, present);
      next.functions[step.name] = step.spec;
      break;
    case 'stopFunction':
      Reflect.deleteProperty(next.functions, step.name);
      break;
    case 'startApp':
    case 'replaceApp':
      expectPresent(step.spec.image, present);
      next.apps[step.name] = step.spec;
      break;
    case 'stopApp':
      Reflect.deleteProperty(next.apps, step.name);
      break;
    default:
      step satisfies never;
  }
  return { machine: next, present };
}

function expectPresent(reference: string, present: ReadonlySet<Digest>): void {
  expect([...present]).toContain(reference.slice(reference.indexOf('@') + 1));
}

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomMachine(random: () => number): Machine {
  const pick = <T>(...options: T[]): T => options[Math.floor(random() * options.length)]!;
  const some = <T>(names: string[], make: (name: string, before: string[]) => T) =>
    Object.fromEntries(
      names
        .filter(() => random() < 0.6)
        .sort(() => random() - 0.5)
        .map((name, index, all) => [name, make(name, all.slice(0, index))]),
    );
  return machine({
    metadata: { name: 'm', labels: pick({}, { site: 'north' }) },
    ...pick({}, { vault: { repository: '/mnt/backup' } }),
    ...pick({}, { control: { url: 'https://cloud.example.com' } }),
    apps: some(['a', 'b', 'c', 'd'], (name, before) => ({
      image: image(name + pick('1', '2')),
      after: before.filter(() => random() < 0.5),
    })),
    functions: some(['f', 'g', 'h'], (name) => ({
      bundle: image(name + pick('1', '2')),
      on: pick([], [{ mqtt: 'a/#' }]),
      bindings: pick({}, { OUT: { publish: 'b' } }),
    })),
    volumes: some(['u', 'v'], () => pick({}, { snapshot: '0 * * * *' })),
    streams: some(['s', 't'], () => ({ topics: pick(['a'], ['b']) })),
    clients: some(['p', 'q'], () => ({ password, publish: pick([], ['a']) })),
  });
}
