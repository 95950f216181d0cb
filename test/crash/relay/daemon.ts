import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtProgram } from '../../support/built-program.ts';
import { nodeFlags } from '../../support/cli.ts';

const keptLines = 30;

/** `holdfast … up` as a process that is killed and started again over the same folder. */
export class Daemon implements AsyncDisposable {
  readonly #parameters: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #ended: Promise<string> = Promise.resolve('not started');
  /** The newest of what it logged. */
  readonly #lines: string[] = [];
  starts = 0;

  constructor(parameters: readonly string[], env: Readonly<Record<string, string>>) {
    this.#parameters = parameters;
    this.#env = env;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }
  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }
  /** Resolves with how it ended. */
  get ended(): Promise<string> {
    return this.#ended;
  }
  get log(): string {
    return this.#lines.join('\n');
  }

  /** Resolves when it says that it is ready; rejects when it ends before. */
  async start(...more: string[]): Promise<void> {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_'));
    const child = spawn(
      process.execPath,
      [...nodeFlags, builtProgram(), ...this.#parameters, ...more, '--json'],
      {
        env: { ...Object.fromEntries(inherited), ...this.#env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#child = child;
    this.starts += 1;
    this.#ended = new Promise((resolve) =>
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${String(code)}`)),
    );
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#lines.push(line);
      if (this.#lines.length > keptLines) this.#lines.shift();
    });
    const ready = new Promise<void>((resolve) =>
      createInterface({ input: child.stdout }).on('line', (line) => {
        if ((JSON.parse(line) as { event?: string }).event === 'ready') resolve();
      }),
    );
    const how = await Promise.race([ready, this.#ended]);
    if (typeof how === 'string')
      throw new Error(`holdfast ${this.#parameters.join(' ')} did not start (${how}):\n${this.log}`);
  }

  /** How it ended, when it does so by itself within this time. */
  async endsWithin(ms: number): Promise<string | undefined> {
    const late = new AbortController();
    const timer = sleep(ms, undefined, { signal: late.signal }).catch(() => undefined);
    const how = await Promise.race([this.#ended, timer]);
    late.abort();
    return how;
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
