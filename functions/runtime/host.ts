import type { Logger } from '../../lib/logger.ts';
import { FunctionError, type FunctionErrorCode } from '../function-error.ts';
import { Deadlines } from '../host/deadlines.ts';
import { limits, type EventHeader } from '../host/protocol.ts';
import type { HostDeath } from './crash-watch.ts';
import type { Deployment } from './deployment.ts';
import { hostLost, invocationError } from './failure.ts';
import type { HostProgram } from './cached-host.ts';
import type { HostMessage } from './host-messages.ts';
import { HostProcess } from './host-process.ts';
import type { HostOutcome, Invocation } from './invocation.ts';
import type { ProcessSandbox } from './process-sandbox.ts';

export type HostOptions = {
  readonly program: HostProgram;
  readonly sandbox: ProcessSandbox;
  readonly logger: Logger;
  /** One function has it alone: whatever ends it, that did it. Its event is not delivered again for ever. */
  readonly alone: boolean;
  onDeath(death: HostDeath): void;
};

export type RunOptions = {
  readonly invocation: Invocation;
  readonly label: string;
  readonly event: EventHeader;
  readonly body: Uint8Array | string;
};

type Culprit = {
  readonly slot: number;
  readonly invocation?: number;
  /** Whoever did it is not running any more. */
  readonly answered?: boolean;
  readonly code: FunctionErrorCode;
  readonly why: string;
};
type Loaded = {
  readonly deployment: Deployment;
  readonly handlers: PromiseWithResolvers<string[]>;
  readonly timer: NodeJS.Timeout;
  done: boolean;
};

/** Wall clock for a process to start and a module to run its top level, on a slow and busy machine. */
const loadTimeoutMs = 20_000;

/** A host process, what is loaded into it and what runs in it; dead for good once the process has ended. */
export class Host implements AsyncDisposable {
  readonly #options: HostOptions;
  readonly #process: HostProcess;
  readonly #loaded = new Map<number, Loaded>();
  readonly #running = new Map<number, { readonly invocation: Invocation; readonly deployment: Deployment }>();
  readonly #watchdog = new Deadlines<number>((invocation) => this.#late(invocation));
  #culprit: Culprit | undefined;
  #dead = false;
  #closing = false;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#process = HostProcess.start({
      program: options.program,
      sandbox: options.sandbox,
      logger: options.logger,
      onMessage: (message, body) => this.#receive(message, body),
      onExit: () => this.#died(),
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get alive(): boolean {
    return !this.#dead;
  }

  has(slot: number): boolean {
    return this.#loaded.get(slot)?.done === true;
  }

  /** Once a slot; resolves to the names of its handlers. Rejects with FunctionError; then it may be tried again. */
  async load(deployment: Deployment): Promise<string[]> {
    const { slot, name, spec, kinds, bundle } = deployment;
    const { files = [] } = bundle;
    const known = this.#loaded.get(slot);
    if (known) return known.handlers.promise;
    if (this.#dead) throw hostLost(name, 'its host process has ended');
    const handlers = Promise.withResolvers<string[]>();
    const why = `it was not loaded within ${loadTimeoutMs} ms`;
    const timer = setTimeout(() => this.#kill({ slot, code: 'timeout', why }), loadTimeoutMs);
    this.#loaded.set(slot, { deployment, handlers, timer, done: false });
    this.#process.send(
      {
        type: 'load',
        slot,
        name,
        memoryBytes: spec.limits.memory,
        cpuMs: spec.limits.cpu,
        resultBytes: spec.limits.result,
        bindings: { ...kinds },
        secrets: { ...deployment.secrets.values },
        files: files.map(({ name, type, bytes }) => ({ name, type, size: bytes.byteLength })),
      },
      Buffer.concat([Buffer.from(bundle.code, 'utf8'), ...files.map(({ bytes }) => bytes)]),
    );
    return handlers.promise;
  }

  /** Who still waits for it to be loaded is told that it was cancelled. */
  unload(slot: number): void {
    const loaded = this.#loaded.get(slot);
    if (!loaded) return;
    this.#loaded.delete(slot);
    this.#process.send({ type: 'unload', slot });
    if (loaded.done) return;
    clearTimeout(loaded.timer);
    const { name } = loaded.deployment;
    loaded.handlers.reject(
      new FunctionError('cancelled', `Function ${name} was unloaded before it was ready`),
    );
  }

  /** Settles when the invocation has; kills the process when it does not end in time. Rejects with FunctionError. */
  async run(deployment: Deployment, { invocation, label, event, body }: RunOptions): Promise<HostOutcome> {
    const { slot, name, spec } = deployment;
    if (this.#dead) throw hostLost(name, 'its host process has ended');
    const timeoutMs = spec.limits.timeout;
    this.#running.set(invocation.id, { invocation, deployment });
    this.#watchdog.set(invocation.id, timeoutMs + limits.watchdogGraceMs);
    try {
      const header = { type: 'invoke', slot, invocation: invocation.id, label, event, timeoutMs } as const;
      // With others under way the host has something to do meanwhile; with others on their way, one write for all costs less.
      if (this.#running.size === 1 && deployment.users === 1) this.#process.sendAtOnce(header, body);
      else this.#process.send(header, body);
      return await invocation.ended;
    } finally {
      this.#watchdog.delete(invocation.id);
      this.#running.delete(invocation.id);
    }
  }

  send(...message: Parameters<HostProcess['send']>): void {
    this.#process.send(...message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await this.#process[Symbol.asyncDispose]();
  }

  /** The answer may be waiting in the channel while the agent itself was busy: one more turn before the kill. */
  #late(invocation: number): void {
    setImmediate(() => {
      const running = this.#running.get(invocation);
      if (!running) return;
      const { slot, spec } = running.deployment;
      const why = `it ran longer than ${spec.limits.timeout} ms and did not stop`;
      this.#kill({ slot, invocation, code: 'timeout', why });
    });
  }

  #kill(culprit: Culprit): void {
    this.#culprit ??= culprit;
    this.#process.kill(culprit.why);
  }

  #receive(message: HostMessage, body: Uint8Array): void {
    switch (message.type) {
      case 'ready':
        return;
      case 'loaded':
      case 'loadFailed': {
        this.#loadEnded(message);
        return;
      }
      case 'gasp':
        this.#culprit = {
          slot: message.slot,
          code: 'memory',
          why: message.message,
          answered: message.answered,
        };
        return;
      case 'result':
        return this.#running.get(message.invocation)?.invocation.end({ ...message, body });
      case 'failed':
        return this.#running.get(message.invocation)?.invocation.end(message);
      case 'call':
        return this.#running.get(message.invocation)?.invocation.call(message, body);
      case 'log':
        return this.#running.get(message.invocation)?.invocation.log(message.level, message.message);
      default:
        message satisfies never;
    }
  }

  #loadEnded(message: Extract<HostMessage, { type: 'loaded' | 'loadFailed' }>): void {
    const loaded = this.#loaded.get(message.slot);
    if (!loaded) return;
    clearTimeout(loaded.timer);
    if (message.type === 'loaded') {
      loaded.done = true;
      loaded.handlers.resolve(message.handlers);
      return;
    }
    this.#loaded.delete(message.slot);
    const { name, mapStack } = loaded.deployment;
    loaded.handlers.reject(invocationError(name, message.failure, mapStack));
  }

  #died(): void {
    this.#dead = true;
    const culprit = this.#culprit;
    const pending = [...this.#loaded.values()].filter(({ done }) => !done);
    for (const { deployment, handlers, timer } of pending) {
      clearTimeout(timer);
      handlers.reject(this.#deathError(deployment, culprit?.slot === deployment.slot));
    }
    for (const { invocation, deployment } of this.#running.values()) {
      const guilty =
        culprit?.slot === deployment.slot &&
        !culprit.answered &&
        (culprit.invocation === undefined || culprit.invocation === invocation.id);
      invocation.fail(this.#deathError(deployment, guilty));
    }
    if (this.#closing) return;
    const inside = [...this.#running.values(), ...pending].map(({ deployment }) => deployment);
    const found = culprit && this.#loaded.get(culprit.slot)?.deployment;
    const why = culprit?.why ?? 'its host process ended';
    this.#options.onDeath({ culprit: found, suspects: [...new Set(inside)], why });
  }

  #deathError({ name }: Deployment, guilty: boolean): FunctionError {
    if (this.#closing)
      return new FunctionError('cancelled', `Function ${name} was interrupted: the runtime closes`);
    const { code, why } = this.#culprit ?? { code: 'hostLost', why: 'its host process has ended' };
    if (!guilty && (!this.#options.alone || this.#culprit?.answered))
      return hostLost(name, 'its host process has ended');
    return invocationErrorOf(name, code, why);
  }
}

function invocationErrorOf(name: string, code: FunctionErrorCode, why: string): FunctionError {
  return new FunctionError(code, `Function ${name} took its host process down: ${why}`);
}
