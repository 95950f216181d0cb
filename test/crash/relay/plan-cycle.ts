import { choose, dealer, type Choice, type Random } from '../../support/choose.ts';
import type { LinkFault } from './link-fault.ts';

export type ProcessName = 'agent' | 'cloud';
export type Fault =
  | { readonly kind: 'none' }
  | { readonly kind: 'link'; readonly fault: LinkFault }
  | { readonly kind: 'kill'; readonly names: readonly ProcessName[]; readonly downMs: number }
  /** The file system of the device is full for this long. */
  | { readonly kind: 'diskFull'; readonly ms: number }
  /** The `nth` fsync from now on fails, once. */
  | { readonly kind: 'fsync'; readonly name: ProcessName; readonly nth: number };

export type CyclePlan = {
  /** Of traffic before the fault, and after it. */
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly fault: Fault;
  /** The local subscriber with a session is away in this cycle. */
  readonly subscriberAway: boolean;
};

/** Says of one cycle after another what happens in it: the same for the same numbers. */
export function cyclePlanner(random: Random): () => CyclePlan {
  const linkFault = dealer(random, linkFaults);
  const fault = dealer<Fault>(random, [[10, () => ({ kind: 'link', fault: linkFault() })], ...otherFaults]);
  return () => ({
    beforeMs: between(random, 50, 350),
    afterMs: between(random, 50, 300),
    subscriberAway: random() < 0.25,
    fault: fault(),
  });
}

const kill =
  (...names: ProcessName[]) =>
  (random: Random): Fault => ({ kind: 'kill', names, downMs: between(random, 0, 400) });
const packets =
  (kind: 'cut' | 'drop' | 'repeat' | 'swap') =>
  (random: Random): LinkFault => {
    const direction = random() < 0.5 ? 'up' : 'down';
    return { kind, direction, packets: kind === 'cut' ? 1 : between(random, 1, 4) };
  };

const linkFaults: readonly Choice<LinkFault>[] = [
  [3, () => ({ kind: 'reset' })],
  [1, () => ({ kind: 'halfOpen' })],
  [2, (random) => ({ kind: 'partition', ms: between(random, 100, 900) })],
  [2, stall],
  [1, (random) => ({ kind: 'throttle', bytesPerMs: between(random, 2, 20), ms: between(random, 200, 900) })],
  [3, packets('cut')],
  [2, packets('drop')],
  [2, packets('repeat')],
  [2, packets('swap')],
];

const otherFaults: readonly Choice<Fault>[] = [
  [3, kill('agent')],
  [3, kill('cloud')],
  [1, kill('agent', 'cloud')],
  [1, (random) => ({ kind: 'diskFull', ms: between(random, 300, 900) })],
  [1, (random) => ({ kind: 'fsync', name: 'agent', nth: between(random, 1, 20) })],
  [1, (random) => ({ kind: 'fsync', name: 'cloud', nth: between(random, 1, 10) })],
  [1, () => ({ kind: 'none' })],
];

function stall(random: Random): LinkFault {
  const directions = choose<readonly ('up' | 'down')[]>(random, [
    [1, () => ['up', 'down']],
    [1, () => ['up']],
    [1, () => ['down']],
  ]);
  return { kind: 'stall', directions, ms: between(random, 100, 1200), thenReset: random() < 0.5 };
}

function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}
