import { hash } from 'node:crypto';

/** A file as the repository stores it. */
export type NamedFile = {
  /** SHA-256 of `bytes`, 64 hexadecimal digits. */
  readonly name: string;
  readonly bytes: Buffer;
};

export function storedName(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

export function namedFile(bytes: Buffer): NamedFile {
  return { name: storedName(bytes), bytes };
}
