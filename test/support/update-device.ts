import { setImmediate } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { CodedError } from '../../lib/coded-error.ts';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';
import type { ArtifactSource, ManifestSource, Runner, VolumeVault } from '../../agent/reconcile/ports.ts';
import { Reconciler } from '../../agent/reconcile/reconciler.ts';
import { emptyState, type AgentState, type StateHolder } from '../../agent/reconcile/state-schema.ts';

export const digestOf = (generation: number): string => `sha256:${String(generation).padStart(64, '0')}`;
export const desired = (generation: number, leave: { hold?: true; now?: true } = {}) => ({
  ...{ generation, digest: digestOf(generation), size: 100 },
  ...leave,
});

/** An app with a volume that is secured, and one that no update touches. */
export function machineOf(generation: number, updates: object = {}): Machine {
  const image = (n: number): string => `registry.test/acme/app@${digestOf(1000 + n)}`;
  return machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device', labels: { is: String(generation) } },
    vault: { repository: '/backup' },
    updates,
    volumes: { data: { beforeUpdate: true }, scratch: {} },
    apps: {
      ledger: { image: image(generation), volumes: { '/data': 'data', '/tmp/scratch': 'scratch' } },
      reader: { image: image(0), volumes: { '/data': 'data' } },
      clock: { image: image(0) },
    },
  });
}

type Kill = { readonly before?: number; readonly after?: number };
/** `killed` resolves with the name of the step. */
type Process = { readonly reconciler: Reconciler; readonly killed: Promise<string> };

const never = (): Promise<never> => Promise.withResolvers<never>().promise;

/** A device in memory: what outlives a kill is here, the ports of each process are made anew. */
export class Device {
  state: AgentState = emptyState;
  /** Who wrote to the volume `data`, in order. */
  data: string[] = [];
  readonly snapshots = new Map<string, string[]>();
  /** Generation of each app that runs. */
  apps = new Map<string, string>();
  readonly machines = new Map<string, Machine>();
  readonly violations: string[] = [];
  readonly steps: string[] = [];
  readonly restarts: string[] = [];
  nowMs = Date.parse('2026-01-10T12:00:00Z');
  /** Of generations that are not well, by their label. */
  bad = new Map<string, string>();
  vaultProblem: Error | undefined;
  runnerProblem: Error | undefined;
  locks: { app: string; reason: string }[] = [];
  settle = (_signal: AbortSignal): Promise<void> => Promise.resolve();

  /** A process on this device, killed before it does a step, or when it has done it but does not know yet. */
  boot(kill: Kill = {}): Process {
    let count = 0;
    const killed = Promise.withResolvers<string>();
    let isDead = false;
    const die = (name: string): Promise<never> => {
      isDead = true;
      killed.resolve(name);
      return never();
    };
    const step = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
      const number = count++;
      if (isDead) return await never();
      if (number === kill.before) return await die(name);
      await setImmediate();
      this.steps.push(name);
      try {
        return await work();
      } finally {
        if (number === kill.after) await die(name);
      }
    };
    const current = (): AgentState => this.state;
    let writing: Promise<void> = Promise.resolve();
    const store: StateHolder = {
      get state() {
        return current();
      },
      update: (change) => {
        const write = writing.then(() => {
          if (isDead) return never();
          const merged = change(this.state);
          if (Object.keys(merged).length === 0) return undefined;
          return step(`write ${merged.phase ?? Object.keys(merged).join()}`, () => {
            this.state = { ...this.state, ...merged };
          });
        });
        writing = write.catch(() => undefined);
        return write;
      },
    };
    const machine = (digest: string): Machine => {
      const found = this.machines.get(digest);
      if (!found) throw new CodedError('notFound', `no manifest ${digest}`);
      return found;
    };
    const manifests: ManifestSource = {
      fetch: ({ digest }) => step('fetch', () => machine(digest)),
      load: ({ digest }) => Promise.resolve(machine(digest)),
      collect: () => Promise.resolve(),
    };
    const artifacts: ArtifactSource = {
      fetch: () => step('pull', () => ({ bundles: new Map(), images: new Map() })),
      load: () => Promise.resolve({ bundles: new Map(), images: new Map() }),
      collect: () => Promise.resolve(),
      sizeOf: () => Promise.resolve(0),
    };
    const runner: Runner = {
      configure: (wanted) =>
        step('configure', () => {
          if (this.runnerProblem) throw this.runnerProblem;
          this.#follow(wanted);
        }),
      components: () => ({}),
      settled: (signal) =>
        step('settled', async () => {
          await this.settle(signal);
          const problem = this.bad.get(this.apps.get('ledger') ?? '');
          if (problem !== undefined) throw new CodedError('unhealthy', problem);
        }),
      halt: (names) =>
        step('halt', () => {
          for (const name of names) this.apps.delete(name);
        }),
      locks: () => Promise.resolve(this.locks),
    };
    const vault: VolumeVault = {
      hasPlace: (section) => section !== undefined,
      snapshot: () =>
        step('snapshot', () => {
          if (this.vaultProblem) throw this.vaultProblem;
          const id = `snapshot${this.snapshots.size}`;
          this.snapshots.set(id, [...this.data]);
          return { id, problems: 0 };
        }),
      restore: (_volume, id) =>
        step('restore', () => {
          if (this.vaultProblem) throw this.vaultProblem;
          if (this.apps.has('ledger') || this.apps.has('reader'))
            this.violations.push('restored under an app');
          this.data = [...(this.snapshots.get(id) ?? ['lost'])];
        }),
    };
    const reconciler = new Reconciler({
      ...{ store, manifests, artifacts, runner, vault, logger: silentLogger },
      empty: machineSchema.parse({
        apiVersion: 'holdfast/v1',
        kind: 'Machine',
        metadata: { name: 'device' },
      }),
      onChange: () => undefined,
      retry: { minDelayMs: 1, maxDelayMs: 1 },
      now: () => this.nowMs,
      lockPollMs: 1,
    });
    return { reconciler, killed: killed.promise };
  }

  /** One committed generation runs and has written. */
  static async running(generation: number, updates: object = {}): Promise<Device> {
    const device = new Device();
    device.machines.set(digestOf(generation), machineOf(generation, updates));
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(generation), { live: true });
    await device.until(() => device.state.phase === 'committed');
    device.steps.length = 0;
    return device;
  }

  async until(holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 20_000 && !holds(); turn++) await setImmediate();
    expect(holds()).toBe(true);
  }

  /** Apps that a machine has as they run already go on. */
  #follow({ apps, metadata }: Machine): void {
    const label = metadata.labels.is ?? 'nothing';
    for (const name of this.apps.keys()) if (!Object.hasOwn(apps, name)) this.apps.delete(name);
    for (const name of Object.keys(apps)) {
      const version = name === 'ledger' ? label : 'same';
      if (this.apps.get(name) === version) continue;
      this.apps.set(name, version);
      this.restarts.push(`${name} ${version}`);
      if (name !== 'ledger') continue;
      if (this.data.some((writer) => Number(writer) > Number(version)))
        this.violations.push(`${version} runs on data of ${this.data.join()}`);
      this.data.push(version);
    }
  }
}
