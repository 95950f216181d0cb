import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLauncher } from '../../agent/apps/run/open-launcher.ts';
import type { AppLine, LaunchSpec, Launcher } from '../../agent/apps/ports.ts';
import { digestOf } from '../../lib/digest.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import type { Peer } from './has-peer.ts';
import { smallRootfs } from './small-rootfs.ts';

/** What each isolation needs of this machine, as root. */
export const isolationPeers: Readonly<Record<LaunchSpec['isolation'], readonly Peer[]>> = {
  container: ['runc', { name: 'root', probe: ['sh', '-c', 'test "$(id -u)" = 0'] }],
  sandbox: [{ name: 'bwrap', probe: ['bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'] }],
  process: ['setpriv'],
};
export const isolations = ['container', 'sandbox', 'process'] as const;

/** Launchers one after the other on one folder, a small tree, and all that apps said. */
export class LaunchBench implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-launch-'));
  readonly rootfs: string;
  readonly lines: AppLine[] = [];
  readonly events: LogEvent[] = [];
  readonly #launchers: (Launcher & AsyncDisposable)[] = [];

  /** `mode`: of the agent's folder. */
  constructor({ mode = 0o700 }: { readonly mode?: number } = {}) {
    this.rootfs = smallRootfs(join(this.root, 'tree'));
    chmodSync(this.root, mode);
  }

  /** As a new agent would; the former is to be disposed of before. */
  async open(path?: string): Promise<Launcher & AsyncDisposable> {
    const logger = createLogger((event) => this.events.push(event));
    const launcher = await openLauncher({ root: this.root, logger, ...(path === undefined ? {} : { path }) });
    launcher.onLine((line) => this.lines.push(line));
    this.#launchers.push(launcher);
    return launcher;
  }

  /** `sh -c SCRIPT` as root, with a PATH, without network. */
  spec(isolation: LaunchSpec['isolation'], script: string, rest: Partial<LaunchSpec> = {}): LaunchSpec {
    return {
      ...{ app: 'web', image: digestOf('image'), rootfs: this.rootfs, isolation },
      ...{
        args: ['sh', '-c', script],
        env: ['PATH=/bin'],
        cwd: '/',
        network: 'none',
        mounts: [],
        limits: {},
      },
      user: { uid: 0, gid: 0, groups: [] },
      ...rest,
    };
  }

  async volume(name: string): Promise<string> {
    const path = join(this.root, 'volumes', name);
    await mkdir(path, { recursive: true, mode: 0o777 });
    return path;
  }

  /** A file of a volume: `VOLUME/NAME`. */
  async write(name: string): Promise<void> {
    await writeFile(join(this.root, 'volumes', name), '');
  }

  /** What has been said, joined. */
  output(): string {
    return this.lines.map(({ text }) => text).join('\n');
  }

  async heard(pattern: RegExp): Promise<RegExpExecArray> {
    return until(() => pattern.exec(this.output()) ?? undefined, `${String(pattern)} in:\n${this.output()}`);
  }

  /** Nothing is left running, and no folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const launcher of this.#launchers) await launcher[Symbol.asyncDispose]();
    const cleaner = await this.open();
    for (const instance of await cleaner.adopt()) await instance.stop({ signal: 'SIGKILL', graceMs: 0 });
    await cleaner[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Polls; rejects after half a minute. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  const from = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() - from > 30_000) throw new Error(`There is no ${what}`);
    await sleep(10);
  }
}
