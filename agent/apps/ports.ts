import type { Component } from '../../cloud-sync/protocol/messages.ts';
import type { ImageConfig } from '../../cloud-sync/oci/image/image-config.ts';
import type { Digest } from '../../lib/digest.ts';
import type { AppSpec } from '../../manifests/app.ts';
import type { Machine } from '../../manifests/machine.ts';

/** An image on disk: fetched, verified, unpacked. */
export type StoredImage = {
  /** As the reference names it: of a manifest or an index. */
  readonly digest: Digest;
  readonly config: ImageConfig;
  /** Absolute path of the read-only tree. */
  readonly rootfs: string;
  /** Programs of it give other rights than the caller's (set-id bits, capabilities of files): it runs as no bare process. */
  readonly givesRights?: boolean;
};

/** By app name. */
export type AppImages = ReadonlyMap<string, StoredImage>;

/** The images of apps on local disk. */
export type ImageStore = {
  /** Brings every image of the machine to disk, unpacked and verified. Rejects with `diskFull`, `wrongPlatform`, those of a pull. */
  fetch(apps: Readonly<Record<string, AppSpec>>, signal: AbortSignal): Promise<AppImages>;
  /** From local disk alone; a tree that was changed or lost is made anew from its blobs. [G4] */
  load(apps: Readonly<Record<string, AppSpec>>): Promise<AppImages>;
  /** Every blob that these images need: of the index, the manifest, the config, the layers. */
  blobs(digests: readonly Digest[]): Promise<ReadonlySet<Digest>>;
  /** Forgets trees that none of these images needs. What still runs keeps its own until it ends. */
  collect(kept: readonly Digest[]): Promise<void>;
  /** What these images take on disk, blobs and trees, once where they share them. What is not here counts nothing. */
  bytesOf(digests: readonly Digest[]): Promise<number>;
};

/** All that a process needs to run in its tree, decided: nothing of the manifest or the image is looked up after this. */
export type LaunchSpec = {
  readonly app: string;
  readonly image: Digest;
  readonly rootfs: string;
  readonly isolation: AppSpec['isolation'];
  /** The program first; looked up on PATH of `env`, inside the tree. */
  readonly args: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly mounts: readonly AppMount[];
  readonly network: 'host' | 'none';
  readonly limits: {
    readonly memoryBytes?: number | undefined;
    readonly cpuCores?: number | undefined;
    readonly pids?: number | undefined;
  };
};

export type AppMount = {
  /** On this machine; it exists. */
  readonly source: string;
  /** Inside. */
  readonly target: string;
  readonly readOnly: boolean;
};

export type ExitReason =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string; readonly outOfMemory: boolean }
  /** It ended while no agent was there to see how, and left no word of it. */
  | { readonly kind: 'lost' };

/** One run of an app. It outlives the agent: a later one adopts it. */
export type Instance = {
  readonly id: string;
  readonly app: string;
  /** SHA-256 of the canonical JSON of its LaunchSpec: what runs is what is wanted when this is equal. */
  readonly specDigest: Digest;
  readonly startedAt: Date;
  /** Of its main process as this machine sees it; null while it is not known yet. */
  readonly pid: number | null;
  /** Never rejects. */
  readonly exited: Promise<ExitReason>;
  /** Sends the signal, SIGKILL after `graceMs`, and resolves when nothing of it is left. */
  stop(options: { readonly signal: string; readonly graceMs: number }): Promise<ExitReason>;
  /** Runs a program beside it, in the same tree with the same mounts. Rejects with `timeout`, or the signal's reason. */
  exec(
    args: readonly string[],
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<{ readonly exitCode: number; readonly output: string }>;
};

export type LaunchCapabilities = {
  /** For people: what each isolation is done with here, or why it cannot be had. */
  readonly isolations: Readonly<
    Record<AppSpec['isolation'], { readonly available: boolean; readonly by: string }>
  >;
  /** Limits that this machine cannot enforce, and why. */
  readonly unenforced: readonly { readonly limit: 'memory' | 'cpu' | 'pids'; readonly why: string }[];
};

export type Launcher = {
  readonly capabilities: LaunchCapabilities;
  /**
   * Resolves when the program runs. Rejects with `noRuntime` when the isolation cannot be had, `startFailed` when there is no
   * such program or it cannot be run.
   */
  start(spec: LaunchSpec): Promise<Instance>;
  /** What an earlier agent started and still runs. Once, before the first start; what is half-started is ended. */
  adopt(): Promise<readonly Instance[]>;
  /** Bytes of lines of output: never waits, counts what it drops. */
  onLine(listener: (line: AppLine) => void): void;
};

export type AppLine = {
  readonly app: string;
  readonly instance: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without the newline; cut at 16 KiB. */
  readonly text: string;
};

/** What the agent's other rooms see of the apps. */
export type Apps = AsyncDisposable & {
  /**
   * Follows a generation: starts, replaces and stops, in the order of `after`. Idempotent. Resolves when what is to run has been
   * started. Rejects with what the launcher rejects with; a call with the former generation then puts everything back.
   */
  configure(machine: Machine, images: AppImages): Promise<void>;
  /** Resolves when every app of the generation is well, rejects with `unhealthy` when one will not be. */
  settled(signal: AbortSignal): Promise<void>;
  /** Stops these and leaves them stopped until the next `configure`. */
  halt(names: readonly string[]): Promise<void>;
  /** `apps.<name>` */
  components(): Record<string, Component>;
  onChange(listener: () => void): () => void;
  /** Apps that hold updates back now, and why. */
  locks(): Promise<readonly { readonly app: string; readonly reason: string }[]>;
};
