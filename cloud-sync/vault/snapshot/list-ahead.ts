import { realpathSync } from 'node:fs';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { endThread } from './end-thread.ts';
import { FolderEntries } from './folder-entries.ts';
import type { ListedFolder, ListerSetup } from './lister-messages.ts';
import type { FolderListing } from './list-folder.ts';
import { entriesInPart, type OtherLister } from './list-in-parts.ts';
import { WalkPosition } from './walk-position.ts';
import { threadEntry } from '../thread-entry.ts';

const youngHeapMb = 3;

type NamedPart = { readonly names: string; readonly listing: FolderListing };

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
  /** Of each large folder, by where they begin. */
  readonly #parts = new Map<string, Map<number, NamedPart>>();

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
      threadEntry('vault-lister-thread.cjs', new URL('lister-thread.ts', import.meta.url)),
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

  /** What it saw in a folder, once; `path` is relative. Undefined for what it did not come to, and for folders that it lists in parts. */
  take(path: string): FolderListing | undefined {
    this.#receive();
    const listing = this.#listings.get(path);
    this.#listings.delete(path);
    return listing;
  }

  /** For who lists this folder too. */
  other(path: string): OtherLister {
    return {
      rest: (names, from) => this.#rest(path, names, from),
      lookedAt: (count) => this.position.lookedAt(count),
    };
  }

  #rest(path: string, names: readonly string[], from: number): FolderListing[] | undefined {
    this.#receive();
    const parts = this.#parts.get(path);
    if (parts === undefined) return undefined;
    const rest: FolderListing[] = [];
    for (let at = from; at < names.length; at += entriesInPart) {
      const part = parts.get(at);
      if (part?.names !== names.slice(at, at + entriesInPart).join('\0')) return undefined;
      rest.push(part.listing);
    }
    this.#parts.delete(path);
    return rest;
  }

  #receive(): void {
    for (;;) {
      const message = receiveMessageOnPort(this.#port) as
        { readonly message: readonly ListedFolder[] } | undefined;
      if (message === undefined) return;
      for (const listed of message.message) this.#keep(listed);
    }
  }

  #keep(listed: ListedFolder): void {
    const { path, part } = listed;
    const listing = listingOf(listed);
    if (part === undefined) {
      this.#listings.set(path, listing);
      return;
    }
    const parts = this.#parts.get(path) ?? new Map<number, NamedPart>();
    this.#parts.set(path, parts.set(part.from, { names: part.names, listing }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#port.close();
    await endThread(this.#worker);
  }
}

function listingOf({ names, facts, newestNs, problems }: ListedFolder): FolderListing {
  const entries = new FolderEntries(facts.length === 0 ? [] : names.split('\0'), facts);
  return { entries, newestNs, problems };
}
