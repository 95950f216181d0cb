import { spawn, type ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { nodeFlags } from '../../support/cli.ts';
import type { FileType } from '../../../cloud-sync/vault/backend/backend.ts';

/** What a process of its own does with a repository. */
export type Job = {
  /** A folder, or `rest:http://…`. */
  readonly location: string;
  readonly password: string;
} & (
  | {
      readonly kind: 'snapshot';
      readonly folder: string;
      readonly recordedPath: string;
      /** What it remembers of the last one. */
      readonly memory: string;
      /** Where it kills itself. */
      readonly killAt?: { readonly type: FileType; readonly nth: number; readonly when: 'before' | 'after' };
    }
  /** Forgets all but the last of each folder, and removes what only they needed. */
  | { readonly kind: 'prune'; readonly keepLast: number }
  | { readonly kind: 'restore'; readonly snapshot: string; readonly target: string }
  | { readonly kind: 'check'; readonly readData: boolean }
);

const outcomeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('snapshot'), id: z.string(), problems: z.int() }),
  z.strictObject({ kind: z.literal('prune'), forgotten: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('restore'), problemPaths: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('check'), damage: z.int() }),
  z.strictObject({ kind: z.literal('failed'), code: z.string(), message: z.string() }),
]);

export type Outcome = z.output<typeof outcomeSchema>;

export type RunningJob = {
  /** The repository is open, or the job has ended. */
  readonly working: Promise<void>;
  /** Undefined when it was killed before it could say; rejects when it ended by an error that is none of ours. */
  readonly outcome: Promise<Outcome | undefined>;
  kill(): void;
};

const program = fileURLToPath(new URL('job-process.ts', import.meta.url));

/** Starts a job; `under`: a command that runs it, such as strace with its options. */
export function startJob(job: Job, under: readonly string[] = []): RunningJob {
  // strace counts the calls of each thread for itself; so one thread makes all those of asynchronous work.
  const env = under.length > 0 ? { UV_THREADPOOL_SIZE: '1' } : {};
  const [command, ...args] = [...under, process.execPath, ...nodeFlags, program];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(job));
  const outcome = outcomeOf(child, job);
  outcome.catch(() => undefined); // Whoever needs it hears of it.
  const working = Promise.race([
    new Promise<void>((resolve) => child.stdout.once('data', () => resolve())),
    outcome,
  ]).then(
    () => undefined,
    () => undefined,
  );
  return { working, outcome, kill: () => void child.kill('SIGKILL') };
}

async function outcomeOf(child: ChildProcess, { kind }: Job): Promise<Outcome | undefined> {
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('close', (code, signal) => resolve([code, signal])),
  );
  const [output, errors] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const [code, signal] = await ended;
  const said = output.trimEnd().split('\n').at(-1) ?? '';
  if (said !== '' && said !== 'working') return outcomeSchema.parse(JSON.parse(said));
  if (signal === 'SIGKILL') return undefined;
  throw new Error(`The ${kind} ended with ${String(code ?? signal)} and said nothing: ${errors}`);
}
