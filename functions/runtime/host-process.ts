import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../lib/logger.ts';
import { FrameWriter } from '../host/frame-writer.ts';
import { FrameReader, type Frame } from '../host/frames.ts';
import type { ToHost } from '../host/protocol.ts';
import type { HostProgram } from './cached-host.ts';
import { hostArguments, hostFiles } from './host-entry.ts';
import { fromHostSchema, type HostMessage } from './host-messages.ts';
import type { ProcessSandbox } from './process-sandbox.ts';
import { youngestDescendant } from './process-tree.ts';

export type HostProcessOptions = {
  readonly program: HostProgram;
  readonly sandbox: ProcessSandbox;
  readonly logger: Logger;
  readonly onMessage: (message: HostMessage, body: Uint8Array) => void;
  /** Once, after the process has ended, whatever the reason. */
  readonly onExit: () => void;
};

/** How much of what a host prints is kept for the log of its end. */
const outputChars = 4096;

/** One child process that runs isolates, and the channel to it. */
export class HostProcess implements AsyncDisposable {
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #channel: Duplex;
  readonly #writer: FrameWriter;
  readonly #options: HostProcessOptions;
  #output = '';
  #expected = false;
  #pid: number | undefined;

  private constructor(options: HostProcessOptions) {
    this.#options = options;
    const [program = '', ...args] = commandOf(options);
    this.#child = spawn(program, args, {
      cwd: '/',
      env: {},
      // A session and a process group of its own: no terminal, no signals of ours, and all of it can be killed at once.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    const filter = this.#child.stdio[4] as Duplex;
    // It may be gone before it has read it, which `close` tells.
    filter.on('error', () => undefined);
    filter.end(options.sandbox.filter);
    this.#channel = this.#child.stdio[3] as Duplex;
    this.#writer = new FrameWriter(this.#channel);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', () => resolve());
      this.#child.once('close', () => resolve());
    });
    this.#listen();
  }

  static start(options: HostProcessOptions): HostProcess {
    return new HostProcess(options);
  }

  /** Of node itself once that has said that it is ready, before that of what starts it. */
  get pid(): number | undefined {
    return this.#pid ?? this.#child.pid;
  }

  /** Throws FrameError when the frame is too large. A host that is gone swallows it; `onExit` tells. */
  send(header: ToHost, body?: Uint8Array | string): void {
    this.#writer.send(header, body);
  }

  /** The same, not with what else this turn of the event loop sends: for what nothing is known to follow. */
  sendAtOnce(header: ToHost, body?: Uint8Array | string): void {
    this.#writer.sendAtOnce(header, body);
  }

  /** SIGKILL: works on a process whose threads are stuck. */
  kill(reason: string): void {
    if (this.#expected) return;
    this.#expected = true;
    this.#options.logger.warn('functions.host.killed', { pid: this.pid, reason });
    this.#killAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#expected = true;
    this.#killAll();
    await this.exited;
  }

  #listen(): void {
    const { logger, onExit } = this.#options;
    const reader = new FrameReader();
    this.#channel.on('data', (chunk: Uint8Array) => {
      this.#writer.heard();
      this.#receive(reader, chunk);
    });
    // ECONNRESET and EPIPE come with the end of the process, which `close` tells.
    this.#channel.on('error', () => undefined);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString('utf8')).slice(-outputChars);
      });
    }
    this.#child.once('close', (code, signal) => {
      if (!this.#expected) {
        logger.warn('functions.host.exited', { pid: this.pid, code, signal, output: this.#output });
      }
    });
    // Whoever ended the first process: what it started must not live on, and holds the channel open.
    this.#child.once('exit', () => this.#killAll());
    void this.exited.then(onExit);
  }

  /** bwrap's own rule, to die with its parent, does not hold yet while it starts. */
  #killAll(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  }

  #receive(reader: FrameReader, chunk: Uint8Array): void {
    try {
      for (const frame of reader.push(chunk)) this.#take(frame);
    } catch (error) {
      this.#options.logger.error('functions.host.nonsense', { pid: this.pid, error });
      this.kill('it broke the protocol');
    }
  }

  #take({ header, body }: Frame): void {
    if (this.#expected) return;
    const message = fromHostSchema.parse(header);
    if (message.type === 'ready' && this.#child.pid !== undefined)
      this.#pid = youngestDescendant(this.#child.pid);
    this.#options.onMessage(message, body);
  }
}

function commandOf({ program, sandbox }: HostProcessOptions): readonly string[] {
  const files = hostFiles(program);
  return limited(sandbox.wrap([process.execPath, ...hostArguments(program, files)], files));
}

/** No core dump, which would put the memory of functions on the disk, and few open files. */
function limited(command: readonly string[]): readonly string[] {
  if (process.platform === 'win32') return command;
  return ['/bin/sh', '-c', 'ulimit -c 0; ulimit -n 64; exec "$@"', 'sh', ...command];
}
