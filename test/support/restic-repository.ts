import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { wrapKey } from '../../cloud-sync/vault/format/key-file.ts';
import { createRepository, openRepository } from '../../cloud-sync/vault/open-repository.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { temporaryFolder } from './cli.ts';

const execute = promisify(execFile);
const password = 'for tests';
/** A key that is quick to derive: restic derives it at each call. */
const cost = { N: 1024, r: 8, p: 1 };
const timeoutMs = 120_000;

export type ResticResult = { readonly code: number; readonly output: string; readonly errors: string };

/** A repository in a folder that both we and Debian's restic open, and room for data beside it. */
export class ResticRepository implements AsyncDisposable {
  readonly folder: string;
  /** Empty, to be snapshotted. */
  readonly data: string;
  readonly ours: Repository;
  readonly #temporary: AsyncDisposable;

  private constructor(temporary: AsyncDisposable & { readonly path: string }, ours: Repository) {
    this.#temporary = temporary;
    this.folder = join(temporary.path, 'repository');
    this.data = join(temporary.path, 'data');
    this.ours = ours;
  }

  static async create(): Promise<ResticRepository> {
    const temporary = await temporaryFolder();
    const signal = AbortSignal.timeout(timeoutMs);
    const ours = await createRepository(openFolderBackend(join(temporary.path, 'repository')), {
      keys: async (key) => [await wrapKey(key, password, { cost, user: 'test', host: 'test' })],
      signal,
    });
    const created = new ResticRepository(temporary, ours);
    await mkdir(created.data);
    return created;
  }

  /** As another process would open it: nothing remembered. */
  reopen(): Promise<Repository> {
    return openRepository(openFolderBackend(this.folder), {
      password,
      signal: AbortSignal.timeout(timeoutMs),
    });
  }

  /** A folder of its own beside the data. */
  beside(name: string): string {
    return join(this.folder, '..', name);
  }

  async restic(...args: string[]): Promise<ResticResult> {
    const options = { env: this.#environment(), timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
    try {
      const { stdout, stderr } = await execute('restic', ['--no-cache', ...args], options);
      return { code: 0, output: stdout, errors: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { code, output: stdout ?? '', errors: stderr ?? '' };
    }
  }

  /** restic's snapshot of the data; its id. */
  async backup(...args: string[]): Promise<string> {
    const { code, output, errors } = await this.restic('backup', '--json', ...args, this.data);
    if (code !== 0) throw new Error(`restic backup ended with ${code}: ${errors}`);
    const [, id = ''] = /"snapshot_id":"([0-9a-f]+)"/.exec(output) ?? [];
    const file = (await this.ours.backend.list('snapshots', { signal: AbortSignal.timeout(timeoutMs) })).find(
      ({ name }) => name.startsWith(id),
    );
    return file?.name ?? '';
  }

  /** A backup that goes on, and holds its lock, until it is killed or its standard input ends. */
  openEndedBackup(): ChildProcess {
    const args = ['--no-cache', 'backup', '--stdin'];
    return spawn('restic', args, { env: this.#environment(), stdio: ['pipe', 'ignore', 'ignore'] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ours[Symbol.asyncDispose]();
    await this.#temporary[Symbol.asyncDispose]();
  }

  #environment() {
    return { ...process.env, RESTIC_REPOSITORY: this.folder, RESTIC_PASSWORD: password };
  }
}
