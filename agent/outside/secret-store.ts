import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { atomicWrite, sweepTemporaries, syncFolder } from '../../lib/atomic-write.ts';
import { errorCode } from '../../lib/error-code.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { nameSchema } from '../../manifests/primitives.ts';
import { AgentError } from '../errors.ts';

const maxSecretBytes = 64 * 1024;
const maxSecrets = 1000;

/** `set`: when it got its present value; RFC 3339. */
export type SecretInfo = { readonly name: string; readonly set: string };

/**
 * The secrets of this device: one file a secret in `<root>/secrets`, for the agent's user alone. They never leave the device,
 * and no log or status shows more of one than its name.
 */
export class SecretStore {
  readonly #folder: string;
  readonly #listeners = new Set<(name: string) => void>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** `root` is the agent's folder, locked by the caller. */
  static async open(root: string): Promise<SecretStore> {
    const folder = join(root, 'secrets');
    await makeFolder(folder, { mode: 0o700 });
    await sweepTemporaries(folder);
    return new SecretStore(folder);
  }

  /** For a reader beside the owner of the folder: makes and tidies nothing. */
  static beside(root: string): Pick<SecretStore, 'get'> {
    return new SecretStore(join(root, 'secrets'));
  }

  /** The value, or undefined when there is none. Rejects with AgentError 'badInput' or 'corrupt'. */
  async get(name: string): Promise<string | undefined> {
    try {
      return textOf(await readFile(this.#pathOf(name)), name);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Durable when it resolves; listeners have been called. Rejects with AgentError 'badInput' or 'tooLarge'. */
  async set(name: string, value: string): Promise<void> {
    const path = this.#pathOf(name);
    const size = Buffer.byteLength(value);
    if (size === 0)
      throw new AgentError('badInput', `The value of the secret ${name} is empty`, {
        hint: `Remove it instead: holdfast secrets rm ${name}.`,
      });
    if (size > maxSecretBytes)
      throw new AgentError(
        'tooLarge',
        `The value of the secret ${name} has ${size} bytes; at most ${maxSecretBytes} are taken`,
      );
    const names = await this.#names();
    if (!names.includes(name) && names.length >= maxSecrets)
      throw new AgentError('tooLarge', `There are ${names.length} secrets; at most ${maxSecrets} are kept`);
    await atomicWrite(path, value);
    this.#changed(name);
  }

  /** Resolves to whether there was one; listeners have been called then. */
  async remove(name: string): Promise<boolean> {
    try {
      await rm(this.#pathOf(name));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    }
    await syncFolder(this.#folder);
    this.#changed(name);
    return true;
  }

  /** By name, ascending; without values. */
  async list(): Promise<SecretInfo[]> {
    const secrets: SecretInfo[] = [];
    for (const name of await this.#names()) {
      const { mtime } = await stat(join(this.#folder, name));
      secrets.push({ name, set: mtime.toISOString() });
    }
    return secrets;
  }

  /** Calls back after a secret was set or removed. The listener must not throw. */
  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #names(): Promise<string[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && nameSchema.safeParse(entry.name).success)
      .map(({ name }) => name)
      .sort();
  }

  #pathOf(name: string): string {
    if (nameSchema.safeParse(name).success) return join(this.#folder, name);
    throw new AgentError('badInput', `${JSON.stringify(name.slice(0, 80))} is not the name of a secret`, {
      hint: 'Lower-case letters, digits and inner hyphens, at most 63 characters.',
    });
  }

  #changed(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}

function textOf(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AgentError('corrupt', `The secret ${name} is not UTF-8 text`, {
      cause,
      hint: `Set it again: holdfast secrets set ${name}.`,
    });
  }
}
