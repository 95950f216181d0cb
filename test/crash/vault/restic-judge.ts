import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { treeEntries, type TreeEntries } from '../../support/tree-entries.ts';

type Said = { readonly code: number | null; readonly output: string; readonly errors: string };

const maxSaidChars = 1000;
const snapshotsSchema = z.array(z.object({ id: z.string(), paths: z.array(z.string()) }));

/** What restic says of a repository, and gives back from it. */
export class ResticJudge {
  readonly #password: string;
  readonly #folder: string;

  /** `folder`: for what it restores, one tree after the other. */
  constructor(password: string, folder: string) {
    this.#password = password;
    this.#folder = folder;
  }

  /** What is wrong, undefined when nothing is. A killed process leaves its lock, which restic clears away like anybody's. */
  async check(repository: string, { readData = false } = {}): Promise<string | undefined> {
    await this.#restic(repository, 'unlock');
    const { code, output, errors } = await this.#restic(
      repository,
      'check',
      ...(readData ? ['--read-data'] : []),
    );
    return code === 0
      ? undefined
      : `restic check ended with ${String(code)}: ${`${errors}${output}`.slice(-maxSaidChars)}`;
  }

  /** Ids by what was snapshotted; oldest first. Rejects when it cannot be read. */
  async snapshots(repository: string): Promise<{ readonly id: string; readonly path: string }[]> {
    const { code, output, errors } = await this.#restic(repository, 'snapshots', '--json', '--no-lock');
    if (code !== 0) throw new Error(`restic snapshots ended with ${String(code)}: ${errors}`);
    return snapshotsSchema
      .parse(JSON.parse(output) ?? [])
      .map(({ id, paths }) => ({ id, path: paths[0] ?? '' }));
  }

  /** The entries of a snapshot; what restic says when it cannot restore it as a whole. */
  async restore(repository: string, id: string): Promise<TreeEntries | string> {
    const target = join(this.#folder, 'restic-restored');
    const options = ['--no-lock', '--target', target];
    try {
      const { code, errors } = await this.#restic(repository, 'restore', id, ...options);
      return code === 0 ? treeEntries(target) : errors.slice(-maxSaidChars);
    } finally {
      await rm(target, { recursive: true, force: true });
    }
  }

  /** Forgets all but the last of each folder, and removes what only they needed. */
  async prune(repository: string, keepLast: number): Promise<void> {
    await this.#restic(repository, 'unlock');
    const { code, errors } = await this.#restic(
      repository,
      ...['forget', '--prune', '--keep-last', String(keepLast)],
    );
    if (code !== 0) throw new Error(`restic forget --prune ended with ${String(code)}: ${errors}`);
  }

  async #restic(repository: string, ...args: readonly string[]): Promise<Said> {
    const child = spawn('restic', ['--no-cache', '--repo', repository, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, RESTIC_PASSWORD: this.#password },
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await ended, output, errors };
  }
}
