import type { Component } from '../../cloud-sync/protocol/messages.ts';
import type { FunctionBundle } from '../../functions/index.ts';
import type { Machine } from '../../manifests/index.ts';
import type { AppImages, Apps } from '../apps/ports.ts';
import type { Pointer } from './state-schema.ts';

/** What a machine names, on local disk: by function name, by app name. */
type Artifacts = {
  readonly bundles: ReadonlyMap<string, FunctionBundle>;
  readonly images: AppImages;
};

/** Canonical manifests by digest: local first, else from the control plane. Verified either way. */
export type ManifestSource = {
  /** Rejects with a transient error while the cloud is away. */
  fetch(pointer: Pointer, size: number, signal: AbortSignal): Promise<Machine>;
  /** From local disk only. */
  load(pointer: Pointer): Promise<Machine>;
  /** Forgets all but these. */
  collect(kept: readonly string[]): Promise<void>;
};

/** The immutable artifacts a manifest names. */
export type ArtifactSource = {
  /** Brings everything `machine` names to local disk, verified. */
  fetch(machine: Machine, signal: AbortSignal): Promise<Artifacts>;
  /** From local disk only; rejects when something is missing or corrupt. */
  load(machine: Machine): Promise<Artifacts>;
  /** Forgets what none of these manifests names. */
  collect(machines: readonly Machine[]): Promise<void>;
  /** Bytes on disk of what these manifests name, once where they share it. What is not on disk counts nothing. */
  sizeOf(machines: readonly Machine[]): Promise<number>;
};

/** What runs a generation. */
export type Runner = Pick<Apps, 'settled' | 'halt' | 'locks'> & {
  configure(machine: Machine, artifacts: Artifacts): Promise<void>;
  components(): Record<string, Component>;
};

/** Snapshots of volumes of the machine that runs, by its vault. */
export type VolumeVault = {
  /** Whether snapshots of a machine with this section can go anywhere, now or later. */
  hasPlace(vault: Machine['vault']): boolean;
  /** Resolves with the id; `problems` counts the files that are not in it as they should be. */
  snapshot(
    volume: string,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly id: string; readonly problems: number }>;
  /** Puts the volume back as a whole. Nobody may write to it meanwhile. */
  restore(volume: string, snapshot: string, options: { readonly signal: AbortSignal }): Promise<void>;
};
