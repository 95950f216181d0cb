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

/** What one invocation reads and changes of them: it sees its own changes, and nobody else does before `commit`. */
export class ShadowChanges implements ShadowEffects {
  readonly #shadows: MemoryShadows;
  /** `base`: at the first look. */
  readonly #looked = new Map<string, { readonly base: Shadow; readonly shadow: Shadow }>();

  constructor(shadows: MemoryShadows) {
    this.#shadows = shadows;
  }

  shadowGet(name: string): ShadowDocument | undefined {
    const shadow = this.#look(name);
    return shadow.exists ? documentMessage(shadow) : undefined;
  }

  shadowUpdate(name: string, request: UpdateRequest): Outcome<ShadowDocument> {
    const { accepted, rejected } = update(this.#look(name), request, this.#shadows.timestamp());
    if (rejected) return { rejected };
    if (!this.#look(name).exists && this.#isFull()) return { rejected: tooManyShadows };
    this.#change(name, accepted);
    return { accepted: documentMessage(accepted, request.clientToken) };
  }

  shadowDelete(name: string, { version }: BareRequest): Outcome<DeletedShadow> {
    const { accepted, rejected } = remove(this.#look(name), { name, version }, this.#shadows.timestamp());
    if (rejected) return { rejected };
    this.#change(name, accepted);
    return { accepted: { version: accepted.version, timestamp: accepted.timestamp } };
  }

  /** Whether nobody else changed what this changes, since its first look. */
  holds(): boolean {
    return this.#changed().every(([name, { base }]) => this.#shadows.get(name) === base);
  }

  commit(): void {
    for (const [name, { shadow }] of this.#changed()) this.#shadows.set(name, shadow);
  }

  #look(name: string): Shadow {
    const before = this.#looked.get(name);
    if (before) return before.shadow;
    const shadow = this.#shadows.get(name);
    this.#looked.set(name, { base: shadow, shadow });
    return shadow;
  }

  #change(name: string, shadow: Shadow): void {
    const base = this.#looked.get(name)?.base ?? shadow;
    this.#looked.set(name, { base, shadow });
  }

  #changed() {
    return [...this.#looked].filter(([, { base, shadow }]) => base !== shadow);
  }

  #isFull(): boolean {
    const made = this.#changed().flatMap(([name, { shadow }]) => (shadow.exists ? [name] : []));
    return new Set([...this.#shadows.names(), ...made]).size >= shadowLimits.shadows;
  }
}
