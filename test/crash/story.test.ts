import { expect, test } from '@jest/globals';
import { seededRandom } from '../support/random.ts';
import { failedChecks, heldChecks, runStory, type StoryEvent, type StoryRun } from '../support/story.ts';

/** More than in the suite: HOLDFAST_CYCLES=500 HOLDFAST_SEED=1 npm test -- test/crash/story. */
const cycles = Number(process.env.HOLDFAST_CYCLES ?? 4);
const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 2 ** 31);
const random = seededRandom(seed);
const checksOfAStory = 7;

const victims = ['agent', 'cloud'] as const;

type Kill = { readonly name: string; readonly moment: Moment; done: boolean };
/** So long after the story told its event number `event`: however fast a story goes, it comes by there. */
type Moment = { readonly event: number; readonly laterMs: number };

/** The story is cut into equal stretches, and in each of them each victim is killed once: a random moment, yet few leave no part out. */
function killOf(cycle: number, undisturbed: readonly StoryEvent[]): Kill {
  const stretches = Math.ceil(cycles / victims.length);
  const stretch = Math.floor(cycle / victims.length);
  const name = victims[cycle % victims.length] ?? 'agent';
  const lengthMs = undisturbed.at(-1)?.atMs ?? 0;
  const afterMs = ((stretch + random()) / stretches) * lengthMs * 0.95;
  const event = undisturbed.findLastIndex(({ atMs }) => atMs <= afterMs);
  return { name, moment: { event, laterMs: afterMs - (undisturbed[event]?.atMs ?? 0) }, done: false };
}

/** Runs the story and kills the named process once, at the first moment from `kill.moment` on at which it lives. */
async function runWithKill(kill: Kill): Promise<StoryRun> {
  let pid: number | undefined;
  let events = 0;
  let due = false;
  let timer: NodeJS.Timeout | undefined;
  const strike = (): void => {
    if (!due || kill.done || pid === undefined) return;
    process.kill(pid, 'SIGKILL');
    kill.done = true;
  };
  const wait = (): void => {
    timer ??= setTimeout(() => {
      due = true;
      strike();
    }, kill.moment.laterMs);
  };
  const onEvent = ({ event, name, pid: subject }: StoryEvent): void => {
    if (events === Math.max(kill.moment.event, 0)) wait();
    events += 1;
    if (name !== kill.name) return;
    if (event === 'process.started') pid = subject as number;
    if (event === 'process.ended') pid = undefined;
    strike();
  };
  try {
    return await runStory(onEvent);
  } finally {
    clearTimeout(timer);
  }
}

test(
  `[G1, G3, G5] kill -9 of the agent or the cloud at a random moment leaves every comparison true (${cycles} times, seed ${seed})`,
  async () => {
    const undisturbed = await runStory();
    expect({ code: undisturbed.code, failed: failedChecks(undisturbed), errors: undisturbed.errors }).toEqual(
      { code: 0, failed: [], errors: '' },
    );
    for (let cycle = 0; cycle < cycles;) {
      const kill = killOf(cycle, undisturbed.events);
      const run = await runWithKill(kill);
      const failed = failedChecks(run);
      const outcome = { cycle, ...kill, code: run.code, failed, held: heldChecks(run), errors: run.errors };
      expect(outcome).toMatchObject({ code: 0, failed: [], held: checksOfAStory });
      // A story that ended before its kill was due proves nothing and is not counted.
      if (kill.done) cycle += 1;
    }
  },
  (cycles + 1) * 120_000,
);
