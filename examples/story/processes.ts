import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Narrator } from './narrator.ts';

/** The CLI as sources, unless the environment names a build, such as `dist/holdfast.mjs`. */
const usualProgram =
  process.env.HOLDFAST_PROGRAM ?? fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const nodeFlags = ['--disable-warning=ExperimentalWarning'];

/** What runs as `holdfast`: the path of its entry file. */
type Program = string;

export type Environment = Readonly<Record<string, string>>;

function start(parameters: readonly string[], environment: Environment, program: Program): ChildProcess {
  return spawn(process.execPath, [...nodeFlags, program, ...parameters], {
    env: { ...process.env, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C reaches the story alone, which then stops its processes in order.
    detached: true,
  });
}

/** Runs one `holdfast … --json` to its end and gives the document that it printed. Rejects with its error line. */
export async function holdfast(
  parameters: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  program: Program = usualProgram,
): Promise<unknown> {
  return JSON.parse(await holdfastText(parameters, environment, signal, program));
}

/** The same of a command that prints JSON lines. */
export async function holdfastText(
  parameters: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  program: Program = usualProgram,
): Promise<string> {
  const child = start([...parameters, '--json'], environment, program);
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [output, errors, [code]] = await Promise.all([
      collect(child.stdout),
      collect(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    signal.throwIfAborted();
    if (code !== 0)
      throw new Error(
        `holdfast ${parameters.join(' ')} ended with ${code ?? 'a signal'}: ${errors.trim() || output.trim()}`,
      );
    return output;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

export type ServiceOptions = {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly environment: Environment;
  readonly narrator: Narrator;
  /** Default: the sources, or what HOLDFAST_PROGRAM names. */
  readonly program?: Program;
  /** What asks it to end. Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
};

const restartDelayMs = 300;
const stopMs = 8000;

/** A long-running `holdfast … up`, started again whenever it dies, as systemd or launchd would. */
export class Service implements AsyncDisposable {
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  #ready = Promise.withResolvers<Record<string, unknown>>();
  #errors: string[] = [];
  #loop: Promise<void> = Promise.resolve();
  restarts = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** Resolves with the process's own `ready` line. */
  start(): Promise<Record<string, unknown>> {
    this.#stopping = false;
    this.#ready = Promise.withResolvers();
    this.#loop = this.#run();
    return this.#ready.promise;
  }

  /** Ends it and does not start it again. SIGKILL is how a machine is lost. */
  async stop(signal: NodeJS.Signals = this.#options.stopSignal ?? 'SIGTERM'): Promise<void> {
    this.#stopping = true;
    this.#child?.kill(signal);
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), stopMs);
    await this.#loop;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    for (let failures = 0; ;) {
      const wasReady = await this.#once();
      if (this.#isStopping()) return;
      failures = wasReady ? 0 : failures + 1;
      if (failures >= 5) {
        this.#ready.reject(
          new Error(`${this.#options.name} does not start: ${this.#errors.slice(-3).join(' ')}`),
        );
        return;
      }
      this.restarts += 1;
      this.#options.narrator.event('process.restarting', { name: this.#options.name });
      await sleep(restartDelayMs);
      if (this.#isStopping()) return;
    }
  }

  #isStopping(): boolean {
    return this.#stopping;
  }

  async #once(): Promise<boolean> {
    const { name, parameters, environment, narrator, program = usualProgram } = this.#options;
    const child = start([...parameters, '--json'], environment, program);
    this.#child = child;
    let ready = false;
    const closed = once(child, 'close');
    narrator.event('process.started', { name, pid: child.pid });
    this.#keepErrors(child);
    if (child.stdout) {
      for await (const line of createInterface({ input: child.stdout })) {
        const event = parseEvent(line);
        if (event?.event !== 'ready') continue;
        ready = true;
        narrator.event('process.ready', { name, pid: child.pid });
        this.#ready.resolve(event);
      }
    }
    await closed;
    narrator.event('process.ended', { name, pid: child.pid });
    return ready;
  }

  #keepErrors(child: ChildProcess): void {
    if (!child.stderr) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#errors = [...this.#errors.slice(-20), line];
      if (process.env.HOLDFAST_STORY_LOGS) process.stderr.write(`[${this.#options.name}] ${line}\n`);
    });
  }
}

function parseEvent(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  if (stream) for await (const chunk of stream) text += String(chunk);
  return text;
}
