import type { Device } from '../cloud-sync/protocol/api.ts';
import type { Cloud } from './cloud.ts';
import { CliError } from './errors.ts';
import { waitFor } from './patience.ts';
import { printable } from './printable.ts';
import { Progress } from './progress.ts';
import type { Run } from './run.ts';

const pollMs = 250;

export type Followed = {
  readonly device: string;
  readonly generation: number;
  /** The report from before the deploy: a failure that it tells is an old one, and the device is trying again. */
  readonly staleSeq?: number | undefined;
  /** Default committed. */
  readonly until?: 'staged' | 'committed' | undefined;
};

/**
 * Waits until the device reports that it committed the generation, or has it on disk; says what that waits for. Rejects with
 * `deployFailed` and the device's own words, `superseded` when a newer generation came, or `timedOut`.
 */
export async function followDeploy(
  run: Run,
  cloud: Cloud,
  { device: name, generation, staleSeq, until, timeoutMs }: Followed & { timeoutMs: number },
): Promise<Device> {
  const { signal, io, out } = run;
  using progress = new Progress(io, {
    label: `Deploying generation ${generation} to ${name}`,
    enabled: !out.json,
  });
  let last: Device | undefined;
  let said: string | undefined;
  return await waitFor(
    async () => {
      last = await cloud.call((client) => client.device(name, { signal }));
      const waiting = waitsFor(last, generation);
      // Where no line is redrawn, each thing it waits for is told once.
      if (waiting !== undefined && waiting !== said && !io.stderr.isTTY) out.note(printable(waiting));
      said = waiting;
      progress.text(describe(last));
      return isDone(last, { device: name, generation, staleSeq, until }) ? last : undefined;
    },
    { everyMs: pollMs, timeoutMs, signal, onTimeout: () => timedOut(last, name, generation) },
  );
}

/** Exported for its test: true when done, false while under way; throws when the device gave up. */
export function isDone(
  { reported }: Device,
  { device, generation, staleSeq, until = 'committed' }: Followed,
): boolean {
  if (!reported?.observed || reported.observed < generation) return false;
  if (reported.seq === staleSeq && isOver(reported, generation)) return false;
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
    case 'staged':
    case 'applying':
    case 'verifying':
      return until === 'staged';
    default:
      return false;
  }
}

/** The report tells of a failure, or of a later generation. */
function isOver({ observed, phase }: NonNullable<Device['reported']>, generation: number): boolean {
  const isGivenUp = phase === 'failed' || phase === 'rejected' || phase === 'rolledBack';
  return isGivenUp || (phase !== 'committed' && (observed ?? 0) > generation);
}

/** A generation that is on disk says what it waits for. */
function waitsFor({ reported }: Device, generation: number): string | undefined {
  if (reported?.observed !== generation) return undefined;
  return reported.conditions.find(({ type }) => type === 'Waiting')?.message;
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
  return new CliError(
    'timedOut',
    `Generation ${generation} of ${device} is not there yet: ${state.replace(/\.$/, '')}.`,
    {
      hint: `The deploy stands. Look again with: holdfast status --device ${device}`,
    },
  );
}
