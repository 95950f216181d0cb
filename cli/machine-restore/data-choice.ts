import type { DataChoice } from '../../agent/restore-data.ts';
import type { DataPlan, RestoredData } from '../../agent/vault/restore-volumes.ts';
import type { Machine } from '../../manifests/index.ts';
import { CliError } from '../errors.ts';
import { plural } from '../plural.ts';
import { formatBytes } from '../progress.ts';
import type { Run } from '../run.ts';
import { shortId, shortTime } from '../vault/snapshot-text.ts';
import { formatDataPlan, requireRoom } from './data-plan-text.ts';
import type { RestoreOptions } from './restore-options.ts';
import type { RestoreReporter } from './restore-reporter.ts';

type ChoiceParts = {
  readonly run: Run;
  readonly options: RestoreOptions;
  readonly machine: Machine;
  readonly root: string;
  readonly reporter: RestoreReporter;
};

/** Which snapshots come back; the plan is shown before anything is written. */
export function dataChoice({
  run,
  options,
  machine,
  root,
  reporter,
}: ChoiceParts): Omit<DataChoice, 'onEvent'> {
  return {
    ...(options.at !== undefined && { at: new Date(options.at) }),
    chosen: chosenOf(options.volume, machine),
    allowDamaged: options.allowDamaged ?? false,
    onPlan: (plan) => {
      reporter.pause();
      run.out.note(formatDataPlan(plan, root));
      requireSnapshots(plan, options);
      requireRoom(plan);
      return Promise.resolve();
    },
  };
}

/** A time before all snapshots is a mistake, not a wish for empty volumes. */
function requireSnapshots({ volumes }: DataPlan, { at }: RestoreOptions): void {
  if (at === undefined || volumes.length > 0) return;
  throw new CliError('notFound', `No volume has a snapshot as old as ${at}.`, {
    hint: 'Give a later --at, or --no-data for empty volumes. The same command goes on from here.',
  });
}

/** `data=3f2a91c0`: which snapshot of which volume. */
function chosenOf(texts: readonly string[], { volumes }: Machine): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, volume = '', snapshot = ''] = /^([^=]+)=([0-9a-f]{4,64})$/.exec(text) ?? [];
      if (Object.hasOwn(volumes, volume)) return [volume, snapshot];
      throw new CliError('usage', `Cannot take ${JSON.stringify(text)} for a volume and its snapshot.`, {
        hint: `Write name=id, such as data=3f2a91c0; volumes are: ${Object.keys(volumes).join(', ') || 'none'}.`,
      });
    }),
  );
}

/** A line for each volume that came back. */
export function formatVolumes(data: Pick<RestoredData, 'volumes'> | null): string[] {
  return Object.entries(data?.volumes ?? {}).map(
    ([name, { snapshot, time, files, bytes, problems }]) =>
      `  volume ${name}  snapshot ${shortId(snapshot)} of ${shortTime(time)} UTC: ${plural(files, 'file')}, ${formatBytes(bytes)}${problems === 0 ? '' : `, ${plural(problems, 'problem')}`}`,
  );
}
