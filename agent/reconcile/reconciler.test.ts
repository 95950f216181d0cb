import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CodedError } from '../../lib/coded-error.ts';
import { silentLogger } from '../../lib/logger.ts';
import { ManifestError } from '../../manifests/index.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';
import type { ArtifactSource, ManifestSource, Runner, VolumeVault } from './ports.ts';
import { Reconciler } from './reconciler.ts';
import { emptyState, type AgentState, type Pointer, type StateHolder } from './state-schema.ts';

const machineOf = (label: string): Machine =>
  machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device', labels: { is: label } },
  });

const desired = (generation: number) => ({
  generation,
  digest: `sha256:${String(generation).padStart(64, '0')}`,
  size: 100,
});
const pointer = (generation: number): Pointer => ({ generation, digest: desired(generation).digest });
const labelOf = (machine: Machine): string | undefined => machine.metadata.labels.is;

/** A world in memory whose every part can be made to fail. */
class World {
  state: AgentState = emptyState;
  running: string | undefined;
  readonly history: (string | undefined)[] = [];
  readonly phases: (string | null)[] = [];
  fetchManifest = (digest: string): Promise<Machine> => Promise.resolve(machineOf(digest));
  configure = (_machine: Machine): Promise<void> => Promise.resolve();
  updatesUntilCrash = Infinity;
  beforeWrite = (_change: Partial<AgentState>): Promise<void> => Promise.resolve();
  writing: Promise<void> = Promise.resolve();

  readonly store: StateHolder;

  constructor() {
    const current = (): AgentState => this.state;
    this.store = {
      get state() {
        return current();
      },
      update: (change) => {
        this.updatesUntilCrash -= 1;
        // A dead process comes back from no call.
        if (this.updatesUntilCrash < 0) return Promise.withResolvers<undefined>().promise;
        // As the real store: one write after another, each seeing the state that the one before left.
        const write = this.writing.then(async () => {
          await setImmediate();
          const merged = change(this.state);
          await this.beforeWrite(merged);
          this.state = { ...this.state, ...merged };
          if (merged.phase !== undefined) this.phases.push(merged.phase);
        });
        this.writing = write.catch(() => undefined);
        return write;
      },
    };
  }

  reconciler(): Reconciler {
    const manifests: ManifestSource = {
      fetch: ({ digest }) => this.fetchManifest(digest),
      load: ({ digest }) => Promise.resolve(machineOf(digest)),
      collect: () => Promise.resolve(),
    };
    const artifacts: ArtifactSource = {
      fetch: () => Promise.resolve({ bundles: new Map(), images: new Map() }),
      load: () => Promise.resolve({ bundles: new Map(), images: new Map() }),
      collect: () => Promise.resolve(),
      sizeOf: () => Promise.resolve(0),
    };
    const vault: VolumeVault = {
      hasPlace: (section) => section !== undefined,
      snapshot: () => Promise.reject(new Error('there is no vault')),
      restore: () => Promise.reject(new Error('there is no vault')),
    };
    const runner: Runner = {
      configure: async (machine) => {
        await this.configure(machine);
        this.running = labelOf(machine);
        this.history.push(this.running);
      },
      components: () => ({}),
      settled: () => Promise.resolve(),
      halt: () => Promise.resolve(),
      locks: () => Promise.resolve([]),
    };
    return new Reconciler({
      store: this.store,
      manifests,
      artifacts,
      runner,
      vault,
      empty: machineOf('nothing'),
      logger: silentLogger,
      onChange: () => undefined,
      retry: { minDelayMs: 1, maxDelayMs: 1 },
    });
  }

  async until(holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 10_000 && !holds(); turn++) await setImmediate();
    expect(holds()).toBe(true);
  }
}

const transient = (): CodedError => new CodedError('network', 'away', { transient: true });

describe('the reconcile loop', () => {
  test('takes a generation through every phase, each on disk before the next', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    expect(world.running).toBe('nothing');
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'committed');
    expect(world.phases).toEqual(['accepted', 'fetching', 'staged', 'applying', 'verifying', 'committed']);
    expect(world.state.current).toEqual(pointer(1));
    expect(world.running).toBe(desired(1).digest);
  });

  test('refuses a generation below the newest accepted one, and says so', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(5), { live: true });
    await world.until(() => world.state.phase === 'committed');
    await reconciler.offer(desired(4), { live: true });
    expect(world.state.observed?.generation).toBe(5);
    expect(world.state.conditions).toEqual([
      expect.objectContaining({ type: 'Refused', message: expect.stringContaining('Generation 4') }),
    ]);
  });

  test('refuses the same generation with another digest', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(5), { live: true });
    await world.until(() => world.state.phase === 'committed');
    await reconciler.offer({ ...desired(5), digest: desired(6).digest }, { live: true });
    expect(world.state.observed?.digest).toBe(desired(5).digest);
  });

  test('waits for a cloud that is away and tells why it waits', async () => {
    const world = new World();
    let failures = 3;
    world.fetchManifest = (digest) =>
      failures-- > 0 ? Promise.reject(transient()) : Promise.resolve(machineOf(digest));
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.conditions.some(({ type }) => type === 'Waiting'));
    await world.until(() => world.state.phase === 'committed');
    expect(world.state.conditions).toEqual([]);
  });

  test('[G3] lets a newer generation pre-empt one that cannot be fetched', async () => {
    const world = new World();
    world.fetchManifest = (digest) =>
      digest === desired(1).digest ? Promise.reject(transient()) : Promise.resolve(machineOf(digest));
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'fetching');
    await reconciler.offer(desired(2), { live: true });
    await world.until(() => world.state.phase === 'committed');
    expect(world.running).toBe(desired(2).digest);
  });

  test('[G3] rejects an invalid manifest, keeps what runs, and takes the next one', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'committed');
    world.fetchManifest = () => Promise.reject(new ManifestError('digestMismatch', 'the bytes do not match'));
    await reconciler.offer(desired(2), { live: true });
    await world.until(() => world.state.phase === 'rejected');
    expect(world.running).toBe(desired(1).digest);
    expect(world.state.current).toEqual(pointer(1));
    expect(world.state.conditions[0]?.reason).toBe('digestMismatch');
    world.fetchManifest = (digest) => Promise.resolve(machineOf(digest));
    await reconciler.offer(desired(3), { live: true });
    await world.until(() => world.state.phase === 'committed');
    expect(world.running).toBe(desired(3).digest);
  });

  test('tries a failed generation again when the same pointer is offered again', async () => {
    const world = new World();
    world.fetchManifest = () => Promise.reject(new CodedError('notFound', 'no such manifest'));
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'failed');
    world.fetchManifest = (digest) => Promise.resolve(machineOf(digest));
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'committed');
  });

  test('[G2] puts the generation before back when the new one does not come up', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'committed');
    world.configure = (machine) =>
      labelOf(machine) === desired(2).digest ? Promise.reject(new Error('does not load')) : Promise.resolve();
    await reconciler.offer(desired(2), { live: true });
    await world.until(() => world.state.phase === 'rolledBack');
    await world.until(() => world.history.length === 3);
    expect(world.running).toBe(desired(1).digest);
    expect(world.state.current).toEqual(pointer(1));
    expect(world.state.conditions[0]?.message).toContain('does not load');
  });

  test.each([1, 2, 3, 4, 5, 6])(
    '[G2] after a crash at write %d of an activation, runs the old or the new whole and ends at the new',
    async (write) => {
      const world = new World();
      const killed = world.reconciler();
      await killed.start();
      await killed.offer(desired(1), { live: true });
      await world.until(() => world.state.phase === 'committed');
      world.updatesUntilCrash = write - 1;
      void killed.offer(desired(2), { live: true });
      await world.until(() => world.updatesUntilCrash < 0);
      world.updatesUntilCrash = Infinity;
      world.running = undefined;
      await using restarted = world.reconciler();
      await restarted.start();
      expect([desired(1).digest, desired(2).digest]).toContain(world.running);
      if (world.state.observed?.generation === 1) await restarted.offer(desired(2), { live: true });
      await world.until(() => world.state.phase === 'committed');
      expect(world.running).toBe(desired(2).digest);
      expect(world.state.current).toEqual(pointer(2));
    },
  );

  test('[G3] a newer generation that comes while another is being activated is not lost', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    const gate = Promise.withResolvers<undefined>();
    world.configure = (machine) =>
      labelOf(machine) === desired(1).digest ? gate.promise : Promise.resolve();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'applying');
    await reconciler.offer(desired(2), { live: true });
    gate.resolve(undefined);
    await world.until(() => world.state.phase === 'committed');
    expect(world.state.current).toEqual(pointer(2));
    expect(world.running).toBe(desired(2).digest);
  });

  test('[G3] a newer generation that comes while another fails to activate is tried', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    const gate = Promise.withResolvers<undefined>();
    world.configure = (machine) =>
      labelOf(machine) === desired(1).digest ? gate.promise : Promise.resolve();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => world.state.phase === 'applying');
    await reconciler.offer(desired(2), { live: true });
    gate.reject(new Error('does not load'));
    await world.until(() => world.state.phase === 'committed');
    expect(world.state.current).toEqual(pointer(2));
  });

  test('after a restart in the middle of going back to the digest that runs, the new generation counts as applied', async () => {
    const world = new World();
    const back = { ...desired(3), digest: desired(1).digest };
    world.state = { ...emptyState, observed: back, current: pointer(1), phase: 'fetching' };
    await using reconciler = world.reconciler();
    await reconciler.start();
    await world.until(() => world.state.phase === 'committed');
    expect(world.state.current).toEqual({ generation: 3, digest: back.digest });
  });

  test('a kept pointer does not bring back a generation that was rolled back, a live one does', async () => {
    const world = new World();
    world.state = { ...emptyState, observed: desired(2), current: pointer(1), phase: 'rolledBack' };
    await using reconciler = world.reconciler();
    await reconciler.start();
    await reconciler.offer(desired(2), { live: false });
    expect(world.state.phase).toBe('rolledBack');
    await reconciler.offer(desired(2), { live: true });
    await world.until(() => world.state.phase === 'committed');
  });

  test('of two pointers at once the higher one stays, whichever is written first', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    await Promise.all([
      reconciler.offer(desired(6), { live: true }),
      reconciler.offer(desired(5), { live: false }),
    ]);
    await world.until(() => world.state.phase === 'committed');
    expect(world.state.observed?.generation).toBe(6);
    expect(world.running).toBe(desired(6).digest);
  });

  test('a full disk while the state is written neither rolls back nor ends the loop', async () => {
    const world = new World();
    await using reconciler = world.reconciler();
    await reconciler.start();
    let failures = 1;
    world.beforeWrite = (change) =>
      change.phase === 'committed' && failures-- > 0
        ? Promise.reject(new CodedError('diskFull', 'full', { transient: true }))
        : Promise.resolve();
    await reconciler.offer(desired(1), { live: true });
    await world.until(() => failures < 1);
    expect(world.running).toBe(desired(1).digest);
    expect(world.phases).not.toContain('rolledBack');
  });
});
