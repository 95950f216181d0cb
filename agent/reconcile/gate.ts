import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition, Desired } from '../../cloud-sync/protocol/messages.ts';
import type { UpdatesSpec } from '../../manifests/updates.ts';
import { openWindow } from './open-window.ts';
import type { Runner } from './ports.ts';
import type { StateHolder } from './state-schema.ts';

export type GateOptions = {
  readonly store: StateHolder;
  readonly locks: Runner['locks'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly pollMs: number;
};

export type Passage = {
  readonly generation: number;
  readonly policy: UpdatesSpec;
  /** Apps that it interrupts: locks of others hold nothing back. */
  readonly apps: () => Promise<readonly string[]>;
  /** Called when what it waits for changes; undefined when it waits no more. */
  readonly onWaiting: (condition: Condition | undefined) => Promise<void>;
};

type Obstacle = { readonly reason: string; readonly message: string; readonly untilMs?: number | undefined };

/** Where a generation that is on disk whole waits: for its activation, a window, the locks of apps. */
export class Gate {
  readonly #options: GateOptions;
  #nudged = new AbortController();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Somebody said something about the generation: look again. */
  nudge(): void {
    this.#nudged.abort();
  }

  /** Resolves when it may go live, with what is to be known of that. Rejects when the signal aborts. */
  async pass(passage: Passage, signal: AbortSignal): Promise<Condition[]> {
    let said: string | undefined;
    for (;;) {
      this.#nudged = new AbortController();
      const { obstacle, notes } = await this.#look(passage);
      signal.throwIfAborted();
      if (obstacle?.message !== said) await passage.onWaiting(obstacle && waiting(obstacle));
      said = obstacle?.message;
      if (!obstacle) return notes;
      await this.#wait(obstacle, signal);
    }
  }

  async #wait({ untilMs = Number.POSITIVE_INFINITY }: Obstacle, signal: AbortSignal): Promise<void> {
    const { now, pollMs } = this.#options;
    // Never longer than a poll: clocks are set, locks are let go.
    const delayMs = Math.min(pollMs, Math.max(1, untilMs - now()));
    const woken = AbortSignal.any([signal, this.#nudged.signal]);
    await sleep(delayMs, undefined, { signal: woken }).catch(() => undefined);
    signal.throwIfAborted();
  }

  async #look({ generation, policy, apps }: Passage): Promise<{ obstacle?: Obstacle; notes: Condition[] }> {
    const { observed } = this.#options.store.state;
    const asked: Partial<Desired> = observed?.generation === generation ? observed : {};
    if (asked.hold === true) return { obstacle: held(generation), notes: [] };
    if (asked.now === true) return { notes: [] };
    const window = openWindow(policy.windows, this.#options.now());
    if (!window.open) return { obstacle: closed(generation, window.opensMs), notes: [] };
    return this.#lookAtLocks(generation, { deferMs: policy.defer, apps: await apps() });
  }

  async #lookAtLocks(
    generation: number,
    { deferMs, apps }: { readonly deferMs: number; readonly apps: readonly string[] },
  ): Promise<{ obstacle?: Obstacle; notes: Condition[] }> {
    if (apps.length === 0) return { notes: [] };
    const locks = (await this.#options.locks()).filter(({ app }) => apps.includes(app));
    if (locks.length === 0) return { notes: [] };
    const untilMs = (await this.#lockedSince(generation)) + deferMs;
    const who = locks.map(({ app, reason }) => `${app} (${reason})`).join(', ');
    if (untilMs <= this.#options.now()) return { notes: [overridden(generation, who)] };
    const message = `Generation ${generation} is on disk and held back by ${who}, until ${timeText(untilMs)} at most.`;
    return { obstacle: { reason: 'locked', message, untilMs }, notes: [] };
  }

  /** Written down, so that a restart does not begin the wait anew. */
  async #lockedSince(generation: number): Promise<number> {
    const nowMs = this.#options.now();
    const { store } = this.#options;
    const { locked } = store.state;
    if (locked?.generation === generation && locked.sinceMs <= nowMs) return locked.sinceMs;
    await store.update(() => ({ locked: { generation, sinceMs: nowMs } }));
    return nowMs;
  }
}

function held(generation: number): Obstacle {
  const message = `Generation ${generation} is on disk and waits to be activated: holdfast activate.`;
  return { reason: 'activation', message };
}

function closed(generation: number, opensMs: number | undefined): Obstacle {
  const when = opensMs === undefined ? 'which never opens' : `which opens at ${timeText(opensMs)}`;
  const message = `Generation ${generation} is on disk and waits for its update window, ${when}.`;
  return { reason: 'window', message, untilMs: opensMs };
}

function overridden(generation: number, who: string): Condition {
  const message = `Generation ${generation} went live over the locks of ${who}: it had waited as long as updates.defer allows.`;
  return { type: 'LocksOverridden', status: true, reason: 'deferred', message: message.slice(0, 2048) };
}

function waiting({ reason, message }: Obstacle): Condition {
  return { type: 'Waiting', status: true, reason, message: message.slice(0, 2048) };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
