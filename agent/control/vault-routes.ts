import type { SnapshotOutcome, SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { VaultTaskResult } from '../vault/job-protocol.ts';
import { describeProblem } from '../vault/problem.ts';
import { MergedLines, type MergedLine } from './merged-lines.ts';
import {
  acceptStateRequestSchema,
  addKeyRequestSchema,
  snapshotsRequestSchema,
  trustOwnerRequestSchema,
  upkeepRequestSchema,
  type SnapshotLine,
  type UpkeepLine,
} from './vault-protocol.ts';
import type { VaultKeeper } from '../vault/vault-keeper.ts';

/** What may be seen of the vault and done with it. */
export type VaultDesk = Pick<
  VaultKeeper,
  'status' | 'jobs' | 'volumes' | 'snapshotVolume' | 'upkeep' | 'keys' | 'trustOwner' | 'acceptState'
>;

/** One JSON document, or lines as they come. `signal` aborts when the caller goes. */
type Answer = (signal: AbortSignal) => Promise<object | Lines>;
type Lines = { readonly lines: AsyncIterable<string> };
type Asked = { readonly desk: VaultDesk; readonly name: string; readonly input: unknown };

const answers: Readonly<Record<string, (asked: Asked, signal: AbortSignal) => Promise<object | Lines>>> = {
  'GET vault': ({ desk }) => Promise.resolve(desk.status()),
  'GET vault/jobs': ({ desk }) => Promise.resolve({ jobs: desk.jobs() }),
  'POST vault/snapshots': ({ desk, input }, signal) => {
    const { volumes = desk.volumes, reason } = snapshotsRequestSchema.parse(input);
    return Promise.resolve({ lines: snapshotLines(desk, { volumes, reason }, signal) });
  },
  'POST vault/upkeep': ({ desk, input }, signal) => {
    const request = upkeepRequestSchema.parse(input);
    return Promise.resolve({ lines: upkeepLines(desk, taskOf(request), signal) });
  },
  'GET vault/keys': async ({ desk }, signal) => slotsOf(await desk.keys({ kind: 'listKeys' }, { signal })),
  'POST vault/keys': async ({ desk, input }, signal) => {
    const request = addKeyRequestSchema.parse(input);
    const result = await desk.keys(
      request.kind === 'recovery'
        ? { kind: 'addRecoveryCode' }
        : { kind: 'addPassphrase', passphrase: request.passphrase },
      { signal },
    );
    return result.kind === 'keyAdded' ? result.added : result;
  },
  'DELETE vault/keys': async ({ desk, name }, signal) =>
    slotsOf(await desk.keys({ kind: 'removeKey', name }, { signal })),
  'POST vault/state': async ({ desk, input }, signal) => {
    acceptStateRequestSchema.parse(input);
    await desk.acceptState({ signal });
    return {};
  },
  'POST vault/owner': async ({ desk, input }) => {
    const { fingerprint } = trustOwnerRequestSchema.parse(input);
    return { fingerprint: await desk.trustOwner(fingerprint) };
  },
};

/** What `/v1/vault…` asks for; undefined when it is none of these. `input` reads the body. */
export function vaultRoute(
  desk: VaultDesk,
  { method, path }: { readonly method: string; readonly path: string },
  { decode, input }: { decode: (text: string) => string; input: () => Promise<unknown> },
): Answer | undefined {
  const [, place = '', name = ''] = /^\/v1\/(vault(?:\/[a-z]+)?)(?:\/([^/]{1,200}))?$/.exec(path) ?? [];
  const key = `${method} ${place}`;
  const answer = Object.hasOwn(answers, key) ? answers[key] : undefined;
  if (!answer || (name !== '') !== (method === 'DELETE')) return undefined;
  return async (signal) =>
    answer({ desk, name: decode(name), input: method === 'POST' ? await input() : {} }, signal);
}

/** One volume after the other; what goes wrong with one is its line, and the next has its turn. */
async function* snapshotLines(
  desk: VaultDesk,
  { volumes, reason }: { readonly volumes: readonly string[]; readonly reason: string },
  signal: AbortSignal,
): AsyncGenerator<string> {
  for (const volume of volumes) {
    if (signal.aborted) return;
    const lines = new MergedLines<SnapshotProgress, SnapshotOutcome>((onProgress) =>
      desk.snapshotVolume(volume, { reason, signal, onProgress }),
    );
    for await (const line of lines) yield textOf(snapshotLine(volume, line));
  }
}

async function* upkeepLines(
  desk: VaultDesk,
  task: Parameters<VaultDesk['upkeep']>[0],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const lines = new MergedLines((onStep: (step: UpkeepStep) => void) =>
    desk.upkeep(task, 'request', { signal, onStep }),
  );
  for await (const line of lines) {
    if (line.kind === 'progress') yield textOf({ progress: line.value } satisfies UpkeepLine);
    else if (line.kind === 'result') yield textOf({ result: line.value } satisfies UpkeepLine);
    else yield textOf({ problem: describeProblem(line.error) } satisfies UpkeepLine);
  }
}

type UpkeepStep = Extract<UpkeepLine, { progress: unknown }>['progress'];
function snapshotLine(volume: string, line: MergedLine<SnapshotProgress, SnapshotOutcome>): SnapshotLine {
  switch (line.kind) {
    case 'progress':
      return { volume, progress: line.value };
    case 'result':
      return { volume, outcome: line.value };
    case 'problem':
      return { volume, problem: describeProblem(line.error) };
    default:
      return line satisfies never;
  }
}

function taskOf(request: ReturnType<typeof upkeepRequestSchema.parse>): Parameters<VaultDesk['upkeep']>[0] {
  switch (request.do) {
    case 'forget':
      return { kind: 'forget', volumes: request.volumes, prune: request.prune };
    case 'prune':
      return { kind: 'prune' };
    case 'check':
      return { kind: 'check', ...(request.readData && { readData: request.readData }) };
    default:
      return request satisfies never;
  }
}

function slotsOf(result: VaultTaskResult): object {
  return result.kind === 'keys' ? { slots: result.slots } : result;
}

function textOf(line: object): string {
  return `${JSON.stringify(line)}\n`;
}
