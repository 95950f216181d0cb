import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../support/random.ts';
import { mutate, pick } from './mutate.ts';
import { readSessions, type RecordedSession } from './recorded-sessions.ts';
import { sendSession } from './send-session.ts';
import type { FuzzTarget, Measures, Persona } from './target.ts';

export type FuzzOptions = { readonly seconds: number; readonly seed: number };
export type FuzzReport = {
  readonly connections: number;
  readonly roundTrips: number;
  readonly slowestMs: number;
  readonly base: Measures;
  readonly end: Measures;
  readonly problems: readonly string[];
};

const parallel = 6;
/** The heap has its size, caches are filled: growth is counted from then on. */
const warmUp = 0.4;
const strangers = 0.25;
/** Of one round trip, on a machine that is busy with other things. */
const hangMs = 15_000;
const maxGrowth = 0.1;
/** Caches that have their own bound, such as the pages of a database, may still fill. */
const slackBytes = 16 * 2 ** 20;
/** A store may open a few for itself at any time. */
const maxFiles = 16;
const closeWaitMs = 10_000;

/** Feeds a broker with what real clients said, bent, while somebody else has to be served all along. */
export async function fuzz(target: FuzzTarget, { seconds, seed }: FuzzOptions): Promise<FuzzReport> {
  const sessions = await readSessions(target.fixtures);
  const problems: string[] = [];
  const stop = new AbortController();
  void target.ended.then((how) => {
    if (stop.signal.aborted) return;
    problems.push(`the broker ended after about connection ${connections} of seed ${seed}: ${how}`);
    stop.abort();
  });
  let connections = 0;
  const attack = async (ms: number): Promise<void> => {
    const end = performance.now() + ms;
    const worker = async (): Promise<void> => {
      while (performance.now() < end && !stop.signal.aborted)
        await attackOnce(target, sessions, { seed, number: ++connections });
    };
    await Promise.all(Array.from({ length: parallel }, worker));
  };
  const witness = watch(target, stop.signal, problems);
  // Nobody but those who stay is connected yet.
  const { sockets } = await target.measure();
  await attack(seconds * 1000 * warmUp);
  const base = await settled(target, stop.signal, sockets);
  await attack(seconds * 1000 * (1 - warmUp));
  const end = await settled(target, stop.signal, sockets);
  const { roundTrips, slowestMs } = await witness.finish();
  if (!stop.signal.aborted) {
    problems.push(...grown(base, end));
    if (end.sockets > sockets) problems.push(`${end.sockets - sockets} connections are left open`);
    if (roundTrips === 0) problems.push('the witness was never served');
  }
  stop.abort();
  problems.push(...new Set(target.violations));
  return { connections, roundTrips, slowestMs, base, end, problems };
}

/** Between two moments at which nobody attacks. */
function grown(base: Measures, end: Measures): string[] {
  const kinds = { heapBytes: 'what is in use of the heap', rssBytes: 'resident memory' } as const;
  const problems: string[] = [];
  for (const kind of ['heapBytes', 'rssBytes'] as const) {
    const growth = end[kind] / base[kind] - 1;
    const isLarge = kind === 'heapBytes' || end[kind] - base[kind] > slackBytes;
    if (growth > maxGrowth && isLarge) problems.push(`${kinds[kind]} grew by ${Math.round(growth * 100)} %`);
  }
  const files = end.files - base.files;
  if (files > maxFiles) problems.push(`${files} more files are open`);
  return problems;
}

/** The same for the same number, so that one connection can be looked at by itself. */
async function attackOnce(
  target: FuzzTarget,
  sessions: readonly RecordedSession[],
  { seed, number }: { readonly seed: number; readonly number: number },
): Promise<void> {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ number);
  const persona: Persona = random() < strangers ? 'stranger' : 'client';
  const disguise = persona === 'stranger' || random() < 0.2 ? target.disguise(persona) : [];
  const dressed = sessions.map((session) => disguised(session, disguise));
  const packets = mutate(pick(random, dressed), dressed, random);
  await sendSession(target.open(persona), packets, random);
}

function disguised(session: RecordedSession, texts: readonly (readonly [string, string])[]): RecordedSession {
  const change = (packet: Buffer): Buffer =>
    texts.reduce(
      (bytes, [from, to]) => Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1'),
      packet,
    );
  return {
    name: session.name,
    fromClient: session.fromClient.map(change),
    fromServer: session.fromServer.map(change),
  };
}

type Witness = {
  readonly finish: () => Promise<{ readonly roundTrips: number; readonly slowestMs: number }>;
};

function watch(target: FuzzTarget, signal: AbortSignal, problems: string[]): Witness {
  let [roundTrips, slowestMs, done] = [0, 0, false];
  const work = async (): Promise<void> => {
    while (!done && !signal.aborted) {
      const began = performance.now();
      const served = target.roundTrip().then(
        () => true,
        (error: unknown) => String(error),
      );
      const outcome = await Promise.race([served, sleep(hangMs, 'no answer', { ref: false })]);
      if (outcome !== true) {
        problems.push(`the witness was not served: ${outcome}`);
        return;
      }
      slowestMs = Math.max(slowestMs, performance.now() - began);
      roundTrips += 1;
      await sleep(10);
    }
  };
  const working = work();
  return {
    finish: async () => {
      done = true;
      await working;
      return { roundTrips, slowestMs };
    },
  };
}

/** What the broker takes up once it noticed that everybody is gone: no more than `sockets` are open, or it never will. */
async function settled(target: FuzzTarget, signal: AbortSignal, sockets: number): Promise<Measures> {
  const end = performance.now() + closeWaitMs;
  const nothing: Measures = { rssBytes: 0, heapBytes: 0, sockets: 0, files: 0 };
  for (;;) {
    const measures = await target.measure().catch(() => nothing);
    if (measures.sockets <= sockets || signal.aborted || performance.now() > end) return measures;
    await sleep(100, undefined, { ref: false });
  }
}
