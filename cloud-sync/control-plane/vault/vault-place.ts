import type { FileType } from '../../vault/backend/backend.ts';

/** One file of a device's repository; `name` is '' for `config`, else the SHA-256 of its bytes in hexadecimal. */
export type VaultPlace = { readonly device: string; readonly type: FileType; readonly name: string };

export type FolderType = Exclude<FileType, 'config'>;

const KiB = 2 ** 10;
const MiB = 2 ** 20;

/**
 * Of one file, and how many of a type there may be. Whoever has the device's credential can only add: these are what it can
 * add at most. Keys are few enough that whoever opens the repository can try them all.
 */
export const fileLimits: Readonly<
  Record<FileType, { readonly maxBytes: number; readonly maxFiles: number }>
> = {
  config: { maxBytes: 64 * KiB, maxFiles: 1 },
  keys: { maxBytes: 64 * KiB, maxFiles: 64 },
  locks: { maxBytes: 64 * KiB, maxFiles: 1000 },
  snapshots: { maxBytes: 64 * MiB, maxFiles: 100_000 },
  index: { maxBytes: 64 * MiB, maxFiles: 100_000 },
  data: { maxBytes: 256 * MiB, maxFiles: 2_000_000 },
};

export const folderTypes = ['keys', 'data', 'index', 'snapshots', 'locks'] as const satisfies FolderType[];

/** For messages. */
export function describePlace({ type, name }: Omit<VaultPlace, 'device'>): string {
  return name === '' ? type : `${type}/${name.slice(0, 12)}`;
}
