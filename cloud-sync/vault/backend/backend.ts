/** The kinds of file in a restic repository; `config` is one file, the others are folders of files named by their SHA-256. */
export type FileType = 'config' | 'keys' | 'data' | 'index' | 'snapshots' | 'locks';

export type StoredFile = {
  /** 64 lower-case hexadecimal digits: SHA-256 of the bytes. */
  readonly name: string;
  readonly bytes: number;
  /** When the store took it, by the store's own clock, in milliseconds since 1970; null where the store does not say. */
  readonly receivedMs: number | null;
};

export type CallOptions = { readonly signal: AbortSignal };
export type ByteRange = { readonly offset: number; readonly length: number };

/**
 * Where the files of a repository are kept: a folder, a REST server, later S3. Knows nothing of keys or formats. Every method
 * rejects with a SyncError: `notFound`, `conflict` (a file of that name is there), `forbidden` (append-only), `quotaExceeded`,
 * `diskFull`, `unauthorized`, or a transient `network`, `timeout`, `unavailable`; with the signal's reason when that aborts.
 */
export type VaultBackend = AsyncDisposable & {
  /** For people; without credentials. */
  readonly location: string;
  /** Makes the folders of an empty repository; does nothing where they are. */
  create(options: CallOptions): Promise<void>;
  /** All files of a type, in no order; an empty list where there is no repository. Names that are not of this format are left out. */
  list(type: Exclude<FileType, 'config'>, options: CallOptions): Promise<StoredFile[]>;
  /** Bytes of one file, `tooLarge` beyond `maxBytes`, or of a range that must lie within it: a shorter answer is a `corrupt` error. `name` is '' for `config`. */
  read(
    type: FileType,
    name: string,
    options: CallOptions & { readonly range?: ByteRange; readonly maxBytes?: number },
  ): Promise<Buffer>;
  /**
   * Resolves once the file is durable under its name; never overwrites. An aborted write leaves nothing under that name. [G1] Once it has
   * resolved, `bytes` are not read any more: their memory is used again.
   */
  write(type: FileType, name: string, bytes: Uint8Array, options: CallOptions): Promise<void>;
  /** Removes a file; one that is not there is no error. */
  remove(type: Exclude<FileType, 'config'>, name: string, options: CallOptions): Promise<void>;
};
