import { fork, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ClientJob, ClientReport } from './client-job.ts';

type Done = Extract<ClientReport, { event: 'done' }>;

const program = fileURLToPath(new URL('./client-child.ts', import.meta.url));

/** An MQTT client beside the bench, so that its work is not done in the process of anything that is measured. */
export class ClientProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #reports: AsyncIterator<[ClientReport]>;
  readonly #abandoned = new AbortController();

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#reports = on(child, 'message', { signal: this.#abandoned.signal }) as AsyncIterator<[ClientReport]>;
    child.once('exit', (code) =>
      this.#abandoned.abort(new Error(`An MQTT client of the bench ended with ${code ?? 'a signal'}`)),
    );
  }

  /** Resolves when the client is connected, and subscribed if it is a subscriber. A publisher waits for `run`. */
  static async open(job: ClientJob): Promise<ClientProcess> {
    const child = fork(program, { execArgv: ['--disable-warning=ExperimentalWarning'] });
    const client = new ClientProcess(child);
    child.send(job);
    await client.#next();
    return client;
  }

  /** Starts a publisher; resolves when the client is done. Rejects when it takes longer than `timeoutMs`. */
  async run(timeoutMs: number): Promise<Done> {
    this.#child.send('go');
    const timer = setTimeout(
      () => this.#abandoned.abort(new Error(`An MQTT client was not done within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      return (await this.#next()) as Done;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #next(): Promise<ClientReport> {
    try {
      const { value } = (await this.#reports.next()) as { value: [ClientReport] };
      return value[0];
    } catch (error) {
      throw this.#abandoned.signal.reason ?? error;
    }
  }
}
