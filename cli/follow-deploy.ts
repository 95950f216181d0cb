import type { Device } from '../cloud-sync/protocol/api.ts';
import type { Cloud } from './cloud.ts';
import { CliError } from './errors.ts';
import { waitFor } from './patience.ts';
import { Progress } from './progress.ts';
import type { Run } from './run.ts';

const pollMs = 250;

export type Followed = {
  readonly device: string;
  readonly generation: number;
  /** The report from before the deploy: a failure that it tells is an old one, and the device is trying again. */
  readonly staleSeq?: number | undefined;
};

/**
 * Waits until the device reports that it committed the generation. Rejects with `deployFailed` and the device's own
 * words, `superseded` when a newer generation came, or `timedOut`.
 */
export async function followDeploy(
  run: Run,
  cloud: Cloud,
  { device: name, generation, staleSeq, timeoutMs }: Followed & { timeoutMs: number },
): Promise<Device> {
  const { signal, io, out } = run;
  using progress = new Progress(io, {
    label: `Deploying generation ${generation} to ${name}`,
    enabled: !out.json,
  });
  let last: Device | undefined;
  return await waitFor(
    async () => {
      last = await cloud.call((client) => client.device(name, { signal }));
      progress.text(describe(last));
      return isCommitted(last, { device: name, generation, staleSeq }) ? last : undefined;
    },
    { everyMs: pollMs, timeoutMs, signal, onTimeout: () => timedOut(last, name, generation) },
  );
}

/** Exported for its test: true when done, false while under way; throws when the device gave up. */
export function isCommitted({ reported }: Device, { device, generation, staleSeq }: Followed): boolean {
  if (!reported?.observed || reported.observed < generation) return false;
  if (reported.seq === staleSeq && reported.phase !== 'committed') return false;
  const messages = reported.conditions.map(({ message }) => message).join(' ');
  if (reported.observed > generation) {
    const refused = reported.conditions.some(({ type }) => type === 'Refused');
    throw new CliError(
      'superseded',
      refused
        ? `The device ${device} refused generation ${generation}: ${messages}`
        : `Generation ${generation} of ${device} was overtaken by generation ${reported.observed}.`,
      { hint: `Look at it with: holdfast status --device ${device}` },
    );
  }
  switch (reported.phase) {
    case 'committed':
      return reported.applied === generation;
    case 'failed':
    case 'rejected':
    case 'rolledBack':
      throw new CliError(
        'deployFailed',
        `Generation ${generation} ${words[reported.phase]} on ${device}: ${messages}`,
        {
          data: { device, generation, phase: reported.phase, conditions: reported.conditions },
          hint: stillRuns(reported.applied),
        },
      );
    default:
      return false;
  }
}

const words = { failed: 'failed', rejected: 'was rejected', rolledBack: 'was rolled back' } as const;

function stillRuns(applied: number | null): string {
  return applied === null ? 'The device runs nothing yet.' : `The device still runs generation ${applied}.`;
}

function describe({ online, reported }: Device): string {
  if (!online?.online) return 'waiting for the device, which is offline';
  const waiting = reported?.conditions.find(({ type }) => type === 'Waiting');
  return waiting?.message ?? reported?.phase ?? 'sent';
}

function timedOut(last: Device | undefined, device: string, generation: number): CliError {
  const state = last === undefined ? 'unknown' : describe(last);
  return new CliError('timedOut', `Generation ${generation} is not committed on ${device} yet: ${state}.`, {
    hint: `The deploy stands. Look again with: holdfast status --device ${device}`,
  });
}
