import type { FileType, StoredFile, VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { diskFull } from '../../cloud-sync/oci/disk-errors.ts';
import { SyncError } from '../../cloud-sync/errors.ts';

export type MemoryFile = { bytes: Buffer; receivedMs: number | null };

/** A repository's files in memory, to be looked into and bent by a test. `now` stamps what is written. */
export class MemoryBackend implements VaultBackend {
  readonly location = 'memory';
  readonly files = new Map<string, MemoryFile>();
  now: () => number | null = () => Date.now();
  /** What all files may take; more rejects with `diskFull`. */
  capacityBytes = Infinity;
  /** Called before each write and removal; may throw. */
  beforeChange: (change: 'write' | 'remove', type: FileType, name: string) => void = () => undefined;

  static key(type: FileType, name: string): string {
    return `${type}/${name}`;
  }

  /** Another one with the same files, whose bytes are shared until they are replaced. */
  copy(): MemoryBackend {
    const copy = new MemoryBackend();
    for (const [key, file] of this.files) copy.files.set(key, { ...file });
    copy.now = this.now;
    copy.capacityBytes = this.capacityBytes;
    return copy;
  }

  /** Other bytes under the same name: what `change` returns, or a copy that it changed. */
  bend(key: string, change: (bytes: Buffer) => Buffer | undefined): void {
    const bytes = Buffer.from(this.files.get(key)?.bytes ?? []);
    this.files.set(key, { bytes: change(bytes) ?? bytes, receivedMs: null });
  }

  /** Of all files. */
  get bytes(): number {
    return [...this.files.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  names(type: FileType): string[] {
    return [...this.files.keys()]
      .filter((key) => key.startsWith(`${type}/`))
      .map((key) => key.slice(type.length + 1));
  }

  create(): Promise<void> {
    return Promise.resolve();
  }

  list(type: FileType): Promise<StoredFile[]> {
    return Promise.resolve(
      this.names(type).map((name) => {
        const { bytes, receivedMs } = this.#file(type, name);
        return { name, bytes: bytes.byteLength, receivedMs };
      }),
    );
  }

  async read(
    type: FileType,
    name: string,
    { range, maxBytes = Infinity }: Parameters<VaultBackend['read']>[2],
  ): Promise<Buffer> {
    await Promise.resolve();
    const { bytes } = this.#file(type, name);
    if (range && range.offset + range.length > bytes.byteLength) {
      throw new SyncError('corrupt', `${type}/${name} has ${bytes.byteLength} bytes`);
    }
    const asked = range ? bytes.subarray(range.offset, range.offset + range.length) : bytes;
    if (asked.byteLength > maxBytes) throw new SyncError('tooLarge', `${type}/${name} is too large`);
    return Buffer.from(asked);
  }

  async write(type: FileType, name: string, bytes: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.beforeChange('write', type, name);
    const key = MemoryBackend.key(type, name);
    if (this.files.has(key)) throw new SyncError('conflict', `${key} is there`);
    if (this.bytes + bytes.byteLength > this.capacityBytes) throw diskFull(`No space is left for ${key}`);
    this.files.set(key, { bytes: Buffer.from(bytes), receivedMs: this.now() });
  }

  async remove(type: FileType, name: string): Promise<void> {
    await Promise.resolve();
    this.beforeChange('remove', type, name);
    this.files.delete(MemoryBackend.key(type, name));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #file(type: FileType, name: string): MemoryFile {
    const file = this.files.get(MemoryBackend.key(type, name));
    if (!file) throw new SyncError('notFound', `${type}/${name} is not there`);
    return file;
  }
}
