import { ControlClient } from '../../agent/control/client.ts';
import type { SnapshotLine } from '../../agent/control/vault-protocol.ts';
import { AgentError } from '../../agent/errors.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { formatOutcome } from './outcome-text.ts';
import { formatSnapshotProgress } from './snapshot-progress-text.ts';

type Ended = Exclude<SnapshotLine, { progress: unknown }>;

/** Lets the agent snapshot these volumes of its manifest, all when none is named, and waits. A Ctrl-C ends it there too. */
export async function takeVolumes(run: Run, volumes: readonly string[]): Promise<void> {
  await using agent = ControlClient.forRoot(agentRoot(run));
  const ended = await follow(run, agent, volumes);
  run.signal.throwIfAborted();
  const taken = ended.flatMap((line) => ('outcome' in line ? [line] : []));
  const failed = ended.flatMap((line) => ('problem' in line ? [line] : []));
  const data = {
    snapshots: taken.map(({ volume, outcome }) => ({ volume, ...outcome })),
    failures: failed.map(({ volume, problem }) => ({ volume, ...problem })),
  };
  const [first] = failed;
  if (first === undefined) {
    run.out.result(data, () =>
      taken.length === 0 ? 'No volume of this device is snapshotted.' : formatTaken(taken),
    );
    return;
  }
  if (!run.out.json && taken.length > 0) run.out.result(data, () => formatTaken(taken));
  throw snapshotFailed(failed, { asked: ended.length, data });
}

/** What ended, in order. */
async function follow(run: Run, agent: ControlClient, volumes: readonly string[]): Promise<Ended[]> {
  const ended: Ended[] = [];
  const bars = new Map<string, Progress>();
  const request = volumes.length === 0 ? {} : { volumes };
  try {
    for await (const line of agent.vault.snapshot(request, run.signal)) {
      if (!('progress' in line)) {
        ended.push(line);
        bars.get(line.volume ?? '')?.[Symbol.dispose]();
        continue;
      }
      const { volume, progress } = line;
      const bar =
        bars.get(volume) ?? new Progress(run.io, { label: `Snapshotting ${volume}`, enabled: !run.out.json });
      bars.set(volume, bar);
      bar.line(() => formatSnapshotProgress(progress));
    }
  } finally {
    for (const bar of bars.values()) bar[Symbol.dispose]();
  }
  return ended;
}

function formatTaken(taken: readonly Extract<SnapshotLine, { outcome: unknown }>[]): string {
  return taken.map(({ volume, outcome }) => formatOutcome(volume, outcome)).join('\n');
}

type Failures = readonly Extract<SnapshotLine, { problem: unknown }>[];

/** One problem alone keeps its code, and with it its exit code. */
function snapshotFailed(
  failed: Failures,
  { asked, data }: { asked: number; data: Readonly<Record<string, unknown>> },
): Error {
  const [first] = failed;
  if (first !== undefined && asked === 1) {
    const { message, hint, code } = first.problem;
    return new AgentError('refused', message, { ...(hint !== undefined && { hint }), cause: { code } });
  }
  const details = failed.map(({ volume, problem }) => `${volume ?? 'vault'}: ${problem.message}`);
  const message = `${failed.length} of ${asked} volumes could not be snapshotted.`;
  return new CliError('snapshotFailed', message, {
    details,
    data,
    hint: 'See why with: holdfast vault status',
  });
}
