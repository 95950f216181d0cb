import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openApps } from '../../agent/apps/open-apps.ts';
import type { ArtifactSource, ManifestSource, Runner, VolumeVault } from '../../agent/reconcile/ports.ts';
import { Reconciler } from '../../agent/reconcile/reconciler.ts';
import { StateStore } from '../../agent/reconcile/state-store.ts';
import { digestOf } from '../../lib/digest.ts';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';

/**
 * An agent that updates its app to be killed: `node update-child.ts ROOT ROOTFS GENERATION KILL`. The generation's app notes its number
 * in its volume and is well when the number is odd. KILL is a step after which the process is gone, with all that is not on disk. It ends
 * by itself, with the apps running, when the generation is committed or rolled back.
 */
const [root = '', rootfs = '', wanted = '1', kill = ''] = process.argv.slice(2);

/** A generation is its number: nothing has to be downloaded. */
const digestFor = (generation: number): string => digestOf(`generation ${generation}`);
const generations = Array.from({ length: Number(wanted) + 1 }, (_, generation) => generation);

function machineOf(generation: number): Machine {
  const well = generation % 2 === 1 ? 'true' : 'false';
  return machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    vault: { repository: '/backup' },
    volumes: { data: { beforeUpdate: true } },
    apps: {
      ledger: {
        image: `registry.test/acme/ledger@${digestFor(generation)}`,
        run: { command: ['sh', '-c', script, `${root}-${generation}`, String(generation)] },
        volumes: { '/data': 'data' },
        isolation: 'process',
        health: { exec: [well], every: '100ms', grace: '400ms', timeout: '10s' },
      },
    },
  });
}

const script = 'echo "$1" >> "$HOLDFAST_VOLUME_DATA/log"; while :; do sleep 1; done';

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    if (name === kill) {
      process.kill(process.pid, 'SIGKILL');
      await sleep(60_000);
    }
  }
}

const held = await StateStore.open(join(root, 'state.json'), () => undefined);
const store = {
  get state() {
    return held.state;
  },
  update: (change: Parameters<StateStore['update']>[0]): Promise<void> => {
    let written = '';
    const write = held.update((state) => {
      const merged = change(state);
      written = merged.phase ?? Object.keys(merged).join();
      return merged;
    });
    return write.then(() => step(`write ${written}`, () => Promise.resolve()));
  },
};

function machineBy(digest: string): Machine {
  const generation = generations.find((one) => digestFor(one) === digest);
  if (generation === undefined) throw new Error(`There is no manifest ${digest}`);
  return machineOf(generation);
}

const manifests: ManifestSource = {
  fetch: ({ digest }) => Promise.resolve(machineBy(digest)),
  load: ({ digest }) => Promise.resolve(machineBy(digest)),
  collect: () => Promise.resolve(),
};

const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' as const, diff_ids: [] } };
const images = { ledger: { digest: digestOf('image'), config, rootfs } };
const artifacts: ArtifactSource = {
  fetch: (machine) => artifacts.load(machine),
  load: ({ apps }) =>
    Promise.resolve({
      bundles: new Map(),
      images: new Map(Object.entries(images).filter(([name]) => Object.hasOwn(apps, name))),
    }),
  collect: () => Promise.resolve(),
  sizeOf: () => Promise.resolve(0),
};

const vault: VolumeVault = {
  hasPlace: (section) => section !== undefined,
  snapshot: (volume) =>
    step('snapshot', async () => {
      const id = digestOf(await readFile(join(root, 'volumes', volume, 'log'))).slice(7);
      await cp(join(root, 'volumes', volume), join(root, 'snapshots', id), { recursive: true });
      return { id, problems: 0 };
    }),
  restore: (volume, id) =>
    step('restore', async () => {
      const target = join(root, 'volumes', volume);
      await rm(`${target}.new`, { recursive: true, force: true });
      await cp(join(root, 'snapshots', id), `${target}.new`, { recursive: true });
      await rm(target, { recursive: true, force: true });
      await rename(`${target}.new`, target);
    }),
};

await mkdir(join(root, 'snapshots'), { recursive: true });
await using stack = new AsyncDisposableStack();
const { supervisor } = await openApps(
  {
    ...{ root, device: 'device', mqttPort: 1883, logger: silentLogger },
    secrets: { get: () => Promise.resolve(undefined), onChange: () => () => undefined },
  },
  stack,
);
const runner: Runner = {
  configure: (machine, { images: trees }) => step('configure', () => supervisor.configure(machine, trees)),
  components: () => ({}),
  settled: (signal) => step('settled', () => supervisor.settled(signal)),
  halt: (names) => step('halt', () => supervisor.halt(names)),
  locks: () => supervisor.locks(),
};
const reconciler = stack.use(
  new Reconciler({
    ...{ store, manifests, artifacts, runner, vault, logger: silentLogger },
    empty: machineSchema.parse({
      apiVersion: 'holdfast/v1',
      kind: 'Machine',
      metadata: { name: 'device' },
    }),
    onChange: () => undefined,
  }),
);
await reconciler.start();
const generation = Number(wanted);
await reconciler.offer({ generation, digest: digestFor(generation), size: 1 }, { live: false });
const isOver = (): boolean => {
  const { phase, observed, undo, trial } = held.state;
  const isEnded = phase === 'committed' || phase === 'rolledBack';
  return observed?.generation === generation && isEnded && undo === null && trial === null;
};
while (!isOver()) await sleep(20);
// What runs is being followed: it is put back after it is written down.
await supervisor.settled(new AbortController().signal);
process.stdout.write(`${JSON.stringify({ phase: held.state.phase, current: held.state.current })}\n`);
