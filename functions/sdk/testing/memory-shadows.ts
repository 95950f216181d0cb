import { absentShadow, type Shadow } from '../../../lib/shadow/shadow-document.ts';
import {
  documentMessage,
  type ShadowDocument,
  type UpdateRequest,
} from '../../../lib/shadow/shadow-messages.ts';
import {
  remove,
  shadowLimits,
  tooManyShadows,
  update,
  type BareRequest,
  type Outcome,
} from '../../../lib/shadow/shadow-request.ts';
import type { DeletedShadow, InvocationEffects } from '../../runtime/ports.ts';

type ShadowEffects = Pick<InvocationEffects, 'shadowGet' | 'shadowUpdate' | 'shadowDelete'>;

/** The shadows of a device, in memory. `now`: milliseconds since 1970. */
export class MemoryShadows {
  readonly #shadows = new Map<string, Shadow>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(name: string): Shadow {
    return this.#shadows.get(name) ?? absentShadow;
  }

  set(name: string, shadow: Shadow): void {
    this.#shadows.set(name, shadow);
  }

  names(): string[] {
    return [...this.#shadows].filter(([, { exists }]) => exists).map(([name]) => name);
  }

  timestamp(): number {
    return Math.floor(this.#now() / 1000);
  }

  begin(): ShadowChanges {
    return new ShadowChanges(this);
  }
}

/** What one invocation changes of them: it reads its own changes, and nobody else does before `commit`. */
export class ShadowChanges implements ShadowEffects {
  readonly #shadows: MemoryShadows;
  readonly #changed = new Map<string, { readonly base: Shadow; readonly shadow: Shadow }>();

  constructor(shadows: MemoryShadows) {
    this.#shadows = shadows;
  }

  shadowGet(name: string): ShadowDocument | undefined {
    const shadow = this.#seen(name);
    return shadow.exists ? documentMessage(shadow) : undefined;
  }

  shadowUpdate(name: string, request: UpdateRequest): Outcome<ShadowDocument> {
    const { accepted, rejected } = update(this.#seen(name), request, this.#shadows.timestamp());
    if (rejected) return { rejected };
    if (!this.#seen(name).exists && this.#isFull()) return { rejected: tooManyShadows };
    this.#change(name, accepted);
    return { accepted: documentMessage(accepted, request.clientToken) };
  }

  shadowDelete(name: string, { version }: BareRequest): Outcome<DeletedShadow> {
    const { accepted, rejected } = remove(this.#seen(name), { name, version }, this.#shadows.timestamp());
    if (rejected) return { rejected };
    this.#change(name, accepted);
    return { accepted: { version: accepted.version, timestamp: accepted.timestamp } };
  }

  /** Whether nobody else changed one of them meanwhile. */
  holds(): boolean {
    return [...this.#changed].every(([name, { base }]) => this.#shadows.get(name) === base);
  }

  commit(): void {
    for (const [name, { shadow }] of this.#changed) this.#shadows.set(name, shadow);
  }

  #seen(name: string): Shadow {
    return this.#changed.get(name)?.shadow ?? this.#shadows.get(name);
  }

  #change(name: string, shadow: Shadow): void {
    const base = this.#changed.get(name)?.base ?? this.#shadows.get(name);
    this.#changed.set(name, { base, shadow });
  }

  #isFull(): boolean {
    const made = [...this.#changed].filter(([, { shadow }]) => shadow.exists).map(([name]) => name);
    return new Set([...this.#shadows.names(), ...made]).size >= shadowLimits.shadows;
  }
}
