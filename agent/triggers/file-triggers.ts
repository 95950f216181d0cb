import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/machine.ts';
import { AgentError } from '../errors.ts';
import type { LocalStore } from '../streams/local-store.ts';
import { VolumeFiles, type FileConsumer } from './volume-files.ts';

export type FileTriggersOptions = {
  /** The agent's root folder; a volume is `<root>/volumes/<name>`. */
  readonly root: string;
  readonly store: LocalStore;
  readonly now: () => Date;
  readonly logger: Logger;
  /** What `problemOf` says may be another. */
  readonly onChange: () => void;
};

/** Turns what happens to the files of volumes into durable events of the functions that want them. */
export class FileTriggers implements AsyncDisposable {
  readonly #options: FileTriggersOptions;
  readonly #volumes = new Map<string, VolumeFiles>();
  #consumers = new Map<string, readonly FileConsumer[]>();
  /** What no function wants since the generation before; a rollback may want it again. */
  #abandoned = new Set<string>();

  constructor(options: FileTriggersOptions) {
    this.#options = options;
  }

  /** Makes the folders of all volumes. Rejects with AgentError 'broken' when one cannot be made; nothing else is changed then. */
  async configure({ volumes, functions }: Pick<Machine, 'volumes' | 'functions'>): Promise<void> {
    for (const volume of Object.keys(volumes)) await makeVolume(volume, this.#folderOf(volume));
    this.#consumers = consumersOf(functions);
    for (const [volume, consumers] of this.#consumers) this.#volume(volume).configure(consumers);
    for (const [volume, files] of [...this.#volumes]) {
      if (this.#consumers.has(volume)) continue;
      this.#volumes.delete(volume);
      await files[Symbol.asyncDispose]();
    }
    await this.#forgetAbandoned();
  }

  /** Why a function is not told of every change of a file. */
  problemOf(functionName: string): string | undefined {
    for (const [volume, consumers] of this.#consumers)
      if (consumers.some(({ name }) => name === functionName)) {
        const problem = this.#volumes.get(volume)?.problem;
        if (problem !== undefined) return problem;
      }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#volumes.values()].map((files) => files[Symbol.asyncDispose]()));
    this.#volumes.clear();
  }

  #volume(volume: string): VolumeFiles {
    const known = this.#volumes.get(volume);
    if (known) return known;
    const files = new VolumeFiles({ ...this.#options, volume, folder: this.#folderOf(volume) });
    this.#volumes.set(volume, files);
    return files;
  }

  #folderOf(volume: string): string {
    return join(this.#options.root, 'volumes', volume);
  }

  /** A function that is gone for two generations has forgotten the files it knew; when it comes back, all are new to it. */
  async #forgetAbandoned(): Promise<void> {
    const { store } = this.#options;
    const before = this.#abandoned;
    const holders = await store.fileHolders();
    const wanted = ({ function: name, volume }: (typeof holders)[number]): boolean =>
      this.#consumers.get(volume)?.some((consumer) => consumer.name === name) ?? false;
    const abandoned = holders.filter((holder) => !wanted(holder));
    this.#abandoned = new Set(abandoned.map((holder) => JSON.stringify(holder)));
    const gone = abandoned.filter((holder) => before.has(JSON.stringify(holder)));
    await store
      .commit(gone.map((holder) => ({ op: 'forgetFiles', ...holder })))
      // A full disk: they are still there at the next generation.
      .catch(() => undefined);
  }
}

async function makeVolume(volume: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AgentError('broken', `Cannot make the folder of the volume ${volume}: ${errorMessage(cause)}`, {
      hint: `Make room for ${folder}, or remove what is in its place.`,
      cause,
    });
  }
}

function consumersOf(functions: Machine['functions']): Map<string, FileConsumer[]> {
  const consumers = new Map<string, FileConsumer[]>();
  for (const [name, { on, limits }] of Object.entries(functions)) {
    const globs = new Map<string, string[]>();
    for (const trigger of on)
      if ('volume' in trigger)
        globs.set(trigger.volume, [...(globs.get(trigger.volume) ?? []), trigger.path]);
    for (const [volume, list] of globs) {
      const consumer = { name, globs: list, capacity: limits.queue };
      consumers.set(volume, [...(consumers.get(volume) ?? []), consumer]);
    }
  }
  return consumers;
}
