import type { FileType } from '../../../cloud-sync/vault/backend/backend.ts';
import { choose, type Choice, type Random } from '../../support/choose.ts';
import type { Lie } from './lying-server.ts';

/** System calls by which files become durable, get their names and lose them. */
const calls = ['fsync', 'link', 'rename', 'unlink', 'mkdir', 'write'] as const;
type Call = (typeof calls)[number];
/** About as many as a snapshot of the volumes makes. */
const usualCalls: Readonly<Record<Call, number>> = {
  fsync: 14,
  link: 6,
  rename: 1,
  unlink: 6,
  mkdir: 3,
  write: 20,
};

export type Fault =
  | { readonly kind: 'none' }
  /** The process is killed so long after it began to work. */
  | { readonly kind: 'killAfter'; readonly ms: number }
  /** The process is killed as it writes the `nth` file of a type, or as soon as that is durable. */
  | {
      readonly kind: 'killAtFile';
      readonly type: FileType;
      readonly nth: number;
      readonly when: 'before' | 'after';
    }
  /** The process is killed at its `nth` call of the kernel of this kind. */
  | { readonly kind: 'killAtCall'; readonly call: Call; readonly nth: number }
  /** The `nth` fsync fails, once. */
  | { readonly kind: 'failSync'; readonly nth: number }
  /** There is room for so many bytes only. */
  | { readonly kind: 'diskFull'; readonly freeBytes: number }
  /** What a crash or a power cut can leave: an unfinished file, a pack that no index names. */
  | { readonly kind: 'leftovers' }
  | { readonly kind: 'lyingServer'; readonly lie: Lie; readonly during: 'snapshot' | 'restore' | 'check' }
  | { readonly kind: 'twoAtOnce'; readonly killOneAfterMs: number | null }
  | { readonly kind: 'pruneBeside'; readonly killPruneAfterMs: number | null; readonly startsMs: number }
  | {
      readonly kind: 'killPrune';
      readonly call: 'fsync' | 'link' | 'rename' | 'unlink';
      readonly nth: number;
    }
  /** A restore is killed so long after it began to work, and called again. */
  | { readonly kind: 'killRestore'; readonly ms: number }
  /** restic forgets and prunes before a snapshot that remembers what was there. */
  | { readonly kind: 'resticPrune' }
  /** In a copy: a file is gone, cut short, or one of its bits is another. */
  | {
      readonly kind: 'damage';
      readonly how: 'missing' | 'torn' | 'flipped';
      readonly type: Exclude<FileType, 'locks'>;
    };

export type CyclePlan = { readonly fault: Fault; readonly volume: 'a' | 'b' };

/** What happens in one cycle: the same for the same numbers. */
export function planCycle(random: Random): CyclePlan {
  return { fault: choose(random, faults), volume: pick(random, ['a', 'b']) };
}

const faults: readonly Choice<Fault>[] = [
  [1, () => ({ kind: 'none' })],
  [3, (random) => ({ kind: 'killAfter', ms: between(random, 0, 300) })],
  [4, killAtFile],
  [4, killAtCall],
  [2, (random) => ({ kind: 'failSync', nth: between(random, 1, usualCalls.fsync) })],
  [2, (random) => ({ kind: 'diskFull', freeBytes: between(random, 0, 2 ** 20) })],
  [1, () => ({ kind: 'leftovers' })],
  [5, lyingServer],
  [2, (random) => ({ kind: 'twoAtOnce', killOneAfterMs: maybe(random, between(random, 0, 300)) })],
  [3, pruneBeside],
  [
    2,
    (random) => ({
      kind: 'killPrune',
      call: pick(random, ['fsync', 'link', 'rename', 'unlink']),
      nth: between(random, 1, 12),
    }),
  ],
  [1, (random) => ({ kind: 'killRestore', ms: between(random, 0, 200) })],
  [1, () => ({ kind: 'resticPrune' })],
  [3, damage],
];

function killAtFile(random: Random): Fault {
  const type = pick<FileType>(random, ['data', 'data', 'index', 'snapshots', 'locks']);
  const nth = type === 'data' ? between(random, 1, 3) : 1;
  return { kind: 'killAtFile', type, nth, when: pick(random, ['before', 'after']) };
}

function killAtCall(random: Random): Fault {
  const call = pick(random, calls);
  return { kind: 'killAtCall', call, nth: between(random, 1, usualCalls[call]) };
}

function lyingServer(random: Random): Fault {
  const during = pick(random, ['snapshot', 'restore', 'check'] as const);
  const kind = pick(random, lieKinds);
  const type = pick<FileType>(random, ['keys', 'data', 'data', 'index', 'index', 'snapshots']);
  const times = random() < 0.7 ? 1 : Infinity;
  return {
    kind: 'lyingServer',
    during,
    lie: { kind, type, from: between(random, 1, 3), times, where: random() },
  };
}

const lieKinds: readonly Lie['kind'][] = [
  'notFound',
  'staleList',
  'cutBody',
  'shortBody',
  'flippedBit',
  'error',
  'lostAnswer',
  'wholeBody',
];

function pruneBeside(random: Random): Fault {
  const killPruneAfterMs = maybe(random, between(random, 0, 500));
  return { kind: 'pruneBeside', killPruneAfterMs, startsMs: between(random, -400, 400) };
}

function damage(random: Random): Fault {
  return {
    kind: 'damage',
    how: pick(random, ['missing', 'torn', 'flipped']),
    type: pick(random, ['config', 'keys', 'data', 'data', 'data', 'index', 'snapshots']),
  };
}

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const maybe = <T>(random: Random, value: T): T | null => (random() < 0.5 ? value : null);

function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}
