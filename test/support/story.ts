import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { builtProgram } from './built-program.ts';

const entry = fileURLToPath(new URL('../../examples/story/main.ts', import.meta.url));

export type StoryEvent = { readonly event: string; readonly atMs: number } & Readonly<
  Record<string, unknown>
>;
export type StoryRun = {
  readonly code: number | null;
  readonly events: readonly StoryEvent[];
  readonly errors: string;
};

/** Tells the story once, as `npm start -- --once --json --no-app` does, calling back for each of its events. */
export async function runStory(onEvent: (event: StoryEvent) => void = () => undefined): Promise<StoryRun> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entry, '--once', '--json', '--no-app'],
    { env: { ...process.env, HOLDFAST_PROGRAM: builtProgram() }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const events: StoryEvent[] = [];
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as StoryEvent;
    events.push(event);
    onEvent(event);
  }
  return { code: await ended, events, errors };
}

export const failedChecks = ({ events }: StoryRun): readonly StoryEvent[] =>
  events.filter(({ event, holds }) => event === 'check' && holds === false);

export const heldChecks = ({ events }: StoryRun): number =>
  events.filter(({ event, holds }) => event === 'check' && holds === true).length;
