import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceIdentity } from '../../agent/identity/identity-store.ts';
import { deviceSlotSecret } from '../../agent/vault/device-slot.ts';
import type { JobRunner } from '../../agent/vault/ports.ts';
import { runTask } from '../../agent/vault/run-task.ts';
import { QuietFolder } from '../../agent/vault/quiet-folder.ts';
import { readRestored } from '../../agent/vault/restored-volumes.ts';
import { VaultKeeper } from '../../agent/vault/vault-keeper.ts';
import { VaultStateStore } from '../../agent/vault/vault-state.ts';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';

/** A device that nobody enrolled: enough for a vault in a folder. */
export const vaultIdentity: DeviceIdentity = {
  version: 1,
  tenant: 'default',
  device: 'kiosk-1',
  url: 'https://localhost:8443',
  mqtt: 'mqtts://localhost:8883',
  certificate: '',
  ca: '',
  key: '',
};

const runHere: JobRunner = (access, task, { signal, onOpened, onSnapshotProgress, onStep }) =>
  runTask(access, task, {
    ...{ signal, onOpened, logger: silentLogger },
    onSnapshotProgress: (progress) => onSnapshotProgress?.(progress),
    onStep: (step) => onStep?.(step),
  });

/** The volume `notes` of a device, and a folder for its repository. */
export class VaultDevice implements AsyncDisposable {
  readonly folder: string;
  readonly repository: string;
  readonly #stack = new AsyncDisposableStack();

  private constructor(folder: string) {
    this.folder = folder;
    this.repository = join(folder, 'repository');
  }

  /** One that is there, whose folder somebody else removes. */
  static at(folder: string): VaultDevice {
    return new VaultDevice(folder);
  }

  static async open(): Promise<VaultDevice> {
    const device = new VaultDevice(await mkdtemp(join(tmpdir(), 'holdfast-vault-')));
    device.#stack.defer(() => rm(device.folder, { recursive: true, force: true }));
    await mkdir(device.volume(), { recursive: true });
    return device;
  }

  get root(): string {
    return join(this.folder, 'root');
  }

  /** A file of the volume, or its folder. */
  volume(...path: string[]): string {
    return join(this.root, 'volumes/notes', ...path);
  }

  machine({ vault = {}, ...sections }: { vault?: object; volumes?: object } = {}): Machine {
    return machineSchema.parse({
      apiVersion: 'holdfast/v1',
      kind: 'Machine',
      metadata: { name: vaultIdentity.device },
      vault: { repository: this.repository, ...vault },
      volumes: { notes: { snapshot: '0 3 * * *', keep: { last: 1 } } },
      ...sections,
    });
  }

  /** Its schedules do not run by themselves. Jobs run in this process, unless `run` says otherwise. */
  async keeper(machine = this.machine(), run: JobRunner = runHere): Promise<VaultKeeper> {
    const keeper = this.#stack.use(
      new VaultKeeper({
        ...{ root: this.root, identity: vaultIdentity, logger: silentLogger },
        secret: () => Promise.resolve(undefined),
        slotSecret: () => deviceSlotSecret(this.root),
        state: await VaultStateStore.open(this.root, silentLogger),
        restored: await readRestored(this.root),
        run,
        watch: (folder) => new QuietFolder(folder),
        surroundings: () => Promise.resolve({ power: 'mains', link: 'unknown' }),
        now: () => new Date(),
        sleep: () => Promise.resolve(),
      }),
    );
    await keeper.configure(machine);
    return keeper;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
