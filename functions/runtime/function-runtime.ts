import { randomUUID } from 'node:crypto';
import type { Logger } from '../../lib/logger.ts';
import { FunctionError } from '../function-error.ts';
import { bindingKinds } from './bindings.ts';
import type { HostProgram } from './cached-host.ts';
import { CrashWatch } from './crash-watch.ts';
import { checkHandlers, createDeployment, noteRefusal, type Deployment } from './deployment.ts';
import { encodeEvent } from './encode-event.ts';
import { findProcessSandbox } from './find-process-sandbox.ts';
import { Host } from './host.ts';
import { hostProgram } from './host-entry.ts';
import { Invocation } from './invocation.ts';
import { LogLimits } from './log-limits.ts';
import type {
  FunctionDefinition,
  FunctionLog,
  InvocationEffects,
  InvocationEvent,
  InvocationResult,
  OutsideEffects,
} from './ports.ts';
import type { ProcessSandbox } from './process-sandbox.ts';
import { resultOf } from './result.ts';
import { missingSecret, resolveSecrets } from './secret-values.ts';

export type FunctionRuntimeOptions = {
  readonly logger: Logger;
  /** What functions print, at most 200 lines and 64 KiB an invocation, and the stack of what they throw. */
  readonly onLog: (entry: FunctionLog) => void;
  /** What fetch, secret and invoke bindings reach; without it functions with such a binding are refused. */
  readonly outside?: OutsideEffects;
  /** The host's entry file; by default the one beside this program. */
  readonly hostEntry?: string;
  /** What host processes run in; by default the strongest there is here. */
  readonly sandbox?: ProcessSandbox;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
};

export type InvokeOptions = {
  readonly signal: AbortSignal;
  /** Under which its logs are kept; a new one by default. */
  readonly invocation?: string | undefined;
  /** How many functions called each other before this one; 0 by default. */
  readonly depth?: number | undefined;
};

type RunOptions = { readonly signal: AbortSignal; readonly label: string; readonly depth: number };

const loadAttempts = 3;

/**
 * Runs functions in host processes that it starts when needed and replaces when they die. [G6]
 * It does not keep events: what fails with `transient` is to be delivered again by the caller.
 */
export class FunctionRuntime implements AsyncDisposable {
  /** What host processes run in. */
  readonly sandbox: ProcessSandbox;
  readonly #options: FunctionRuntimeOptions;
  readonly #program: HostProgram;
  readonly #now: () => number;
  readonly #functions = new Map<string, Deployment>();
  /** Every live host: the shared one under `shared`, the others under the slot that has it alone. */
  readonly #hosts = new Map<number | 'shared', Host>();
  readonly #denials = new Map<string, number>();
  readonly #crashes: CrashWatch;
  readonly #logs: LogLimits;
  #lastSlot = 0;
  #lastInvocation = 0;
  #closed = false;

  private constructor(
    options: FunctionRuntimeOptions,
    { program, sandbox }: { readonly program: HostProgram; readonly sandbox: ProcessSandbox },
  ) {
    this.#options = options;
    this.#logs = new LogLimits({ onLog: options.onLog });
    this.sandbox = sandbox;
    this.#program = program;
    this.#now = options.now ?? Date.now;
    this.#crashes = new CrashWatch({ logger: options.logger, now: this.#now });
  }

  /** Finds out what hosts can run in; the first deploy starts one. */
  static async open(options: FunctionRuntimeOptions): Promise<FunctionRuntime> {
    const [program, sandbox] = await Promise.all([
      hostProgram(options.hostEntry),
      options.sandbox ?? findProcessSandbox(),
    ]);
    return new FunctionRuntime(options, { program, sandbox });
  }

  /**
   * Loads the function and, once its module has run, gives it the name; invocations that began before end in the old version.
   * Rejects with FunctionError `badBundle`, `noHandler`, `unsupported`, `cpu`, `memory`; the old version then stays.
   * A function whose secrets are not all set takes the name when its handlers are there or its top level throws; its invocations
   * are rejected with `secretMissing` until it is deployed again with all of them, and with `badBundle` when that fails.
   */
  async deploy(definition: FunctionDefinition): Promise<void> {
    const { name, spec } = definition;
    const { outside, logger } = this.#options;
    const kinds = bindingKinds(name, spec.bindings, { outside: outside !== undefined });
    const secrets = await resolveSecrets(name, spec.bindings, outside);
    const previous = this.#functions.get(name);
    const deployment = createDeployment(definition, {
      ...{ slot: ++this.#lastSlot, previous, kinds, secrets, outside },
    });
    if (secrets.missing.length > 0) {
      logger.warn('function.waiting', { function: name, secrets: secrets.missing });
      await this.#checkWaiting(deployment);
    } else await this.#check(deployment);
    const replaced = this.#functions.get(name);
    this.#functions.set(name, deployment);
    this.#logs.setRate(name, spec.limits.logs);
    if (replaced) this.#retire(replaced);
  }

  /** Why the function as such cannot run at present, or undefined. */
  problem(name: string): string | undefined {
    const deployment = this.#functions.get(name);
    return deployment && this.#obstacle(deployment)?.message;
  }

  /** How many binding calls of the function were denied since it was first deployed here. */
  denials(name: string): number {
    return this.#denials.get(name) ?? 0;
  }

  /** New invocations are refused at once; running ones end. A name that is not there is fine. */
  remove(name: string): Promise<void> {
    const deployment = this.#functions.get(name);
    this.#functions.delete(name);
    this.#denials.delete(name);
    this.#logs.remove(name);
    if (deployment) this.#retire(deployment);
    return Promise.resolve();
  }

  /**
   * Runs one event and resolves after all its effects were made. At most `limits.concurrency` run at a time, `limits.queue` wait,
   * in order of arrival. Rejects with FunctionError, or as the first effect that was rejected did; an abort stops the
   * invocation (`cancelled`). The effects of one that is rejected are to be dropped.
   */
  async invoke(
    name: string,
    event: InvocationEvent,
    effects: InvocationEffects,
    { signal, invocation: label = randomUUID(), depth = 0 }: InvokeOptions,
  ): Promise<InvocationResult> {
    const deployment = this.#functions.get(name);
    if (!deployment || this.#closed) throw notDeployed(name);
    deployment.users++;
    try {
      const leave = await deployment.gate.enter(name, signal);
      try {
        return await this.#run(deployment, event, effects, { signal, label, depth });
      } finally {
        leave();
      }
    } catch (error) {
      if (signal.aborted && error === signal.reason) throw cancelled(name, error);
      throw error;
    } finally {
      deployment.users--;
      if (deployment.retired) this.#unloadWhenIdle(deployment);
    }
  }

  /** Process ids of the hosts, for measurements and tests. */
  hostPids(): number[] {
    return [...this.#hosts.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#functions.clear();
    this.#logs[Symbol.dispose]();
    await Promise.all([...this.#hosts.values()].map((host) => host[Symbol.asyncDispose]()));
    this.#hosts.clear();
  }

  async #run(
    deployment: Deployment,
    event: InvocationEvent,
    effects: InvocationEffects,
    { signal, label, depth }: RunOptions,
  ): Promise<InvocationResult> {
    const obstacle = this.#obstacle(deployment);
    if (obstacle) throw obstacle;
    const { name, slot, spec } = deployment;
    const { header, body } = encodeEvent(name, event);
    const host = this.#hostFor(deployment);
    const wasLoaded = host.has(slot);
    const startedMs = performance.now();
    if (!wasLoaded) await host.load(deployment);
    signal.throwIfAborted();
    const { logger } = this.#options;
    const id = ++this.#lastInvocation;
    const send = host.send.bind(host);
    const invocation = new Invocation({
      id,
      label,
      name,
      bindings: spec.bindings,
      egressBytes: spec.limits.egress,
      effects,
      outside: deployment.outside,
      depth,
      logger,
      onLog: (entry, finish) => this.#logs.write(entry, finish),
      mapStack: deployment.mapStack,
      onDenied: () => this.#denials.set(name, this.denials(name) + 1),
      now: this.#now,
      send,
    });
    const cancel = () => {
      invocation.fail(cancelled(name, signal.reason));
      host.send({ type: 'cancel', invocation: id });
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const outcome = await host.run(deployment, { invocation, label, event: header, body });
      const wallMs = performance.now() - startedMs;
      const { egressBytes } = invocation.usage;
      return resultOf(deployment, event, outcome, { wallMs, wasLoaded, egressBytes });
    } catch (error) {
      // An effect rejects with an error of its own; what the invocation used is to be paid for all the same.
      if (error instanceof Error) Object.assign(error, { usage: invocation.usage });
      this.#logStack(name, label, error);
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Where in the source it was, for the author: the caller has the message only. */
  #logStack(name: string, invocation: string, error: unknown): void {
    if (!(error instanceof FunctionError) || error.tenantStack === undefined) return;
    const time = new Date().toISOString();
    this.#logs.write({ function: name, invocation, level: 'error', message: error.tenantStack, time });
  }

  async #check(deployment: Deployment): Promise<void> {
    try {
      checkHandlers(deployment, await this.#load(deployment));
    } catch (error) {
      this.#logStack(deployment.name, 'load', error);
      this.#unload(deployment);
      noteRefusal(this.#functions.get(deployment.name), deployment, error);
      throw error;
    }
  }

  /** A top level may throw for want of the secret; handlers that are not there are not there with it either. */
  async #checkWaiting(deployment: Deployment): Promise<void> {
    try {
      checkHandlers(deployment, await this.#load(deployment));
    } catch (error) {
      if (!(error instanceof FunctionError && error.code === 'badBundle')) throw error;
    } finally {
      this.#unload(deployment);
    }
  }

  /** A neighbour may take the host down meanwhile: that is no fault of this function. */
  async #load(deployment: Deployment): Promise<string[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#hostFor(deployment).load(deployment);
      } catch (error) {
        const again = error instanceof FunctionError && error.transient && attempt < loadAttempts;
        if (!again) throw error;
      }
    }
  }

  #hostFor(deployment: Deployment): Host {
    if (this.#closed) throw cancelled(deployment.name, undefined);
    const key = deployment.crashes.placement === 'own' ? deployment.slot : 'shared';
    const known = this.#hosts.get(key);
    if (known?.alive) return known;
    const host: Host = new Host({
      program: this.#program,
      sandbox: this.sandbox,
      logger: this.#options.logger,
      alone: key !== 'shared',
      onDeath: (death) => {
        if (this.#hosts.get(key) === host) this.#hosts.delete(key);
        // Who lives alone did it.
        this.#crashes.hostDied(key === 'shared' ? death : { ...death, culprit: deployment });
      },
    });
    this.#hosts.set(key, host);
    return host;
  }

  #obstacle(deployment: Deployment): FunctionError | undefined {
    const { name, secrets, refusal } = deployment;
    return refusal ?? missingSecret(name, secrets) ?? this.#crashes.stopped(deployment);
  }

  #retire(deployment: Deployment): void {
    deployment.retired = true;
    this.#unloadWhenIdle(deployment);
  }

  #unloadWhenIdle(deployment: Deployment): void {
    if (deployment.users === 0) this.#unload(deployment);
  }

  #unload({ slot }: Deployment): void {
    this.#hosts.get('shared')?.unload(slot);
    const own = this.#hosts.get(slot);
    this.#hosts.delete(slot);
    void own?.[Symbol.asyncDispose]();
  }
}

function notDeployed(name: string): FunctionError {
  return new FunctionError('notDeployed', `There is no function ${name} on this device`, {
    hint: 'Add it to functions in the manifest and deploy.',
  });
}

function cancelled(name: string, cause: unknown): FunctionError {
  return new FunctionError('cancelled', `The invocation of ${name} was cancelled`, { cause });
}
