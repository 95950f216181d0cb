import { realpathSync } from 'node:fs';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { FolderEntries } from './folder-entries.ts';
import type { ListedFolder, ListerSetup } from './lister-messages.ts';
import type { FolderListing } from './list-folder.ts';
import { WalkPosition } from './walk-position.ts';
import { threadEntry } from '../thread-entry.ts';

const youngHeapMb = 3;

/**
 * A thread that lists a folder from its end while whoever takes the snapshot has the key derived, and then walks from the beginning: to
 * list is most of the work where little has changed. Whatever befalls the thread, the walk lists for itself what it has not been told.
 */
export class ListAhead implements AsyncDisposable {
  /** Milliseconds since 1970, before anything was looked at. */
  readonly startMs = Date.now();
  readonly position = new WalkPosition();
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #listings = new Map<string, FolderListing>();

  constructor(folder: string, excludes: readonly string[]) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ListerSetup = {
      folder: realpathSync(folder),
      excludes,
      position: this.position.shared,
      port: port2,
    };
    this.#worker = new Worker(
      threadEntry('vault-lister-thread.mjs', new URL('lister-thread.ts', import.meta.url)),
      {
        workerData,
        transferList: [port2],
        resourceLimits: { maxYoungGenerationSizeMb: youngHeapMb },
      },
    );
    this.#worker.on('error', () => undefined);
    this.#worker.unref();
    this.#port.unref();
  }

  /** What it saw in a folder, once; `path` is relative. Undefined for what it did not come to. */
  take(path: string): FolderListing | undefined {
    for (;;) {
      const message = receiveMessageOnPort(this.#port) as
        { readonly message: readonly ListedFolder[] } | undefined;
      if (message === undefined) break;
      for (const listed of message.message) this.#listings.set(listed.path, listingOf(listed));
    }
    const listing = this.#listings.get(path);
    this.#listings.delete(path);
    return listing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#port.close();
    await this.#worker.terminate();
  }
}

function listingOf({ names, facts, newestNs, problems }: ListedFolder): FolderListing {
  const entries = new FolderEntries(facts.length === 0 ? [] : names.split('\0'), facts);
  return { entries, newestNs, problems };
}
