import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import { chooseKept, keepsAll, type Keep } from '../../cloud-sync/vault/upkeep/retention.ts';
import type { Machine } from '../../manifests/index.ts';
import { CliError } from '../errors.ts';
import { chooseSnapshot, isOf } from './choose-snapshot.ts';
import type { VaultOptions } from './vault-options.ts';

export type ForgetOptions = VaultOptions & {
  readonly keepLast?: number;
  readonly keepHourly?: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
  /** Milliseconds. */
  readonly keepWithin?: number;
  readonly of?: string;
  readonly host?: string;
  readonly prune?: true;
  readonly dryRun?: true;
  readonly yes?: true;
};

export type ForgetPlan = {
  readonly kept: readonly { readonly snapshot: Snapshot; readonly reasons: readonly string[] }[];
  readonly forgotten: readonly Snapshot[];
  /** Ids of snapshots that cannot be read. */
  readonly givenUp: readonly string[];
};

export type ForgetRequest = {
  readonly options: ForgetOptions;
  /** Ids of snapshots that cannot be read; none goes by a rule. */
  readonly damaged?: readonly string[];
  /** What a person named; empty for the rules. */
  readonly names: readonly string[];
  /** The manifest of the device whose repository it is, and the device's name; undefined for another repository. */
  readonly own: { readonly machine: Machine; readonly device: string } | undefined;
  readonly nowMs: number;
};

/**
 * Which of the snapshots go: those that are named, one that cannot be read by its whole id, or those that the rules do not keep. Throws
 * 'usage' where nothing says which.
 */
export function planForget(
  snapshots: readonly Snapshot[],
  { options, names, damaged = [], own, nowMs }: ForgetRequest,
): ForgetPlan {
  const rules = rulesOf(options);
  const { of: subject, host } = options;
  const among = snapshots.filter(
    (snapshot) =>
      (subject === undefined || isOf(snapshot, subject)) &&
      (host === undefined || snapshot.document.hostname === host),
  );
  if (names.length > 0) {
    if (!keepsAll(rules)) throw new CliError('usage', 'Give snapshots or --keep-… rules, not both.');
    const givenUp = new Set(names.map((name) => name.toLowerCase())).intersection(new Set(damaged));
    const readable = names.filter((name) => !givenUp.has(name.toLowerCase()));
    const forgotten = new Set(readable.map((name) => chooseSnapshot(among, name)));
    return { kept: [], forgotten: [...forgotten], givenUp: [...givenUp] };
  }
  if (keepsNone(rules))
    throw new CliError('usage', 'These rules keep nothing: every snapshot would go.', {
      hint: 'Give at least one that is not 0. Snapshots that are all to go can be named, by their ids.',
    });
  if (!keepsAll(rules)) return byRules(among, rules, nowMs);
  if (own) return byManifest(among, own, nowMs);
  throw new CliError('usage', 'Say what to keep, such as --keep-daily 7, or name snapshots.', {
    hint: 'Nothing was forgotten. See what there is with: holdfast snapshot list.',
  });
}

function rulesOf(options: ForgetOptions): Keep {
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepWithin } = options;
  return {
    last: keepLast,
    hourly: keepHourly,
    daily: keepDaily,
    weekly: keepWeekly,
    monthly: keepMonthly,
    yearly: keepYearly,
    within: keepWithin,
  };
}

/** There are some, and all of them are 0. */
function keepsNone(rules: Keep): boolean {
  return !keepsAll(rules) && Object.values(rules).every((value) => value === undefined || value === 0);
}

function byRules(snapshots: readonly Snapshot[], rules: Keep, nowMs: number): ForgetPlan {
  const groups = chooseKept(snapshots, rules, nowMs);
  return {
    kept: groups.flatMap(({ kept }) => kept),
    forgotten: groups.flatMap(({ removed }) => removed),
    givenUp: [],
  };
}

/** Each volume by its own rules; one without, and what no volume of the manifest made, stays. */
function byManifest(
  snapshots: readonly Snapshot[],
  { machine, device }: { readonly machine: Machine; readonly device: string },
  nowMs: number,
): ForgetPlan {
  const plans = Object.entries(machine.volumes).map(([volume, { keep }]) => {
    const own = snapshots.filter(
      (snapshot) => snapshot.document.hostname === device && isOf(snapshot, volume),
    );
    return byRules(own, keep ?? {}, nowMs);
  });
  return {
    kept: plans.flatMap(({ kept }) => kept),
    forgotten: plans.flatMap(({ forgotten }) => forgotten),
    givenUp: [],
  };
}
