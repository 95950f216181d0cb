import type { Readable } from 'node:stream';
import type { ByteRange } from '../../oci/index.ts';
import type { VaultPlace } from './vault-place.ts';

type StoredBytes = {
  readonly bytes: number;
  /** When they were stored, as far as the store can tell; milliseconds since 1970. */
  readonly storedMs: number;
};

/** Takes the bytes of one file in order. Dispose it in any case: what was not committed is gone then. */
export type VaultWriter = AsyncDisposable & {
  readonly bytesWritten: number;
  /** Rejects with `tooLarge`, or `diskFull`. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves when the file is durable under its name [G1]. Rejects with `digestMismatch` when its bytes do not make its name, with `conflict` when it is there, durable. */
  commit(): Promise<void>;
};

/** Where the control plane keeps the bytes of the devices' repositories: a folder, later S3. Knows no policy: see `vaults.ts`. */
export type VaultStore = {
  /** Before the first use of a device's vault in this process: removes what interrupted writes left. */
  open(device: string): Promise<void>;
  /** Undefined when there is no such file. */
  stat(place: VaultPlace): Promise<StoredBytes | undefined>;
  /** The bytes as they are. The stream emits an error when there is no such file. */
  read(place: VaultPlace, range?: ByteRange): Readable;
  /** One writer a place at a time: the caller sees to it. */
  createWriter(place: VaultPlace, limits: { readonly maxBytes: number }): Promise<VaultWriter>;
  /** A file that is there is durable under its name when it resolves: who wrote it may have been killed before that. */
  keep(place: VaultPlace): Promise<void>;
  /** Durable when it resolves; a file that is not there is no error. */
  remove(place: VaultPlace): Promise<void>;
  /** Every file of a device, in no order; what is named otherwise is left out. */
  list(device: string): AsyncIterable<VaultPlace>;
};
