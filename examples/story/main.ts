import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { errorMessage } from '../../lib/error-code.ts';
import { Narrator } from './narrator.ts';
import { machineFileSize, tellStory, type Story } from './story.ts';

const help = `Runs Holdfast's main job from end to end on this machine, with real parts and real data.

  npm start                 tells the story, then stays up until Ctrl-C
  npm start -- --once       exits after the story: 0 when every comparison held, 1 otherwise
  npm start -- --json       one JSON event a line
  npm start -- --no-app     leaves the dashboard out, which is an image of 150 MB
  npm start -- --folder DIR keeps everything in DIR (default: a temporary folder, deleted at the end)

HOLDFAST_PROGRAM=FILE tells it with a built program (npm run build; dist/holdfast.mjs) instead of the sources.
`;

type Options = {
  readonly once: boolean;
  readonly json: boolean;
  readonly 'no-app': boolean;
  readonly folder?: string | undefined;
};

const options = readOptions();
if (options === 'wrong') process.exitCode = 2;
else if (options === 'help') process.stdout.write(help);
else process.exitCode = await main(options);

function readOptions(): Options | 'help' | 'wrong' {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        'no-app': { type: 'boolean', default: false },
        folder: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values.help ? 'help' : values;
  } catch (error) {
    const [line = ''] = errorMessage(error).split('. ');
    process.stderr.write(`error: ${line}\nhint: npm start -- --help lists the options.\n`);
    return 'wrong';
  }
}

async function main(values: Options): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new Error('interrupted')));
  const narrator = new Narrator(values.json);
  const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'holdfast-')));
  try {
    await using story = await tellStory({
      folder,
      narrator,
      signal: stop.signal,
      withApp: !values['no-app'],
    });
    await summarize(narrator, story, folder, values.once);
    if (!values.once) await untilInterrupted(stop.signal);
    return narrator.failures === 0 ? 0 : 1;
  } catch (error) {
    if (stop.signal.aborted) return 130;
    narrator.check('the story ran to its end', false, errorMessage(error));
    return 1;
  } finally {
    if (values.folder === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function summarize(
  narrator: Narrator,
  { url, environment, root, mqttPort, dashboard }: Story,
  folder: string,
  once: boolean,
): Promise<void> {
  const failed = narrator.failures;
  const verdict = failed === 0 ? 'Every comparison held' : `${failed} comparison(s) failed`;
  narrator.event('summary', { failed, seconds: narrator.elapsedSeconds, url });
  narrator.heading(`${verdict}, ${narrator.elapsedSeconds.toFixed(1)} s`);
  narrator.note(`one file of ${await machineFileSize(folder)} bytes held the machine`);
  if (once) return;
  narrator.note(`the API is at ${url} (OpenAPI: ${url}/v1/openapi.json); try in another terminal:`);
  narrator.note(`  export HOLDFAST_CONTEXT=${environment.HOLDFAST_CONTEXT ?? ''} HOLDFAST_ROOT=${root}`);
  if (dashboard !== undefined) narrator.note(`  open ${dashboard}`);
  narrator.note('  npm run holdfast -- devices');
  narrator.note('  npm run holdfast -- status');
  narrator.note('  npm run holdfast -- generations');
  narrator.note(`  npm run holdfast -- invoke weather-summary --payload '{"month":"2015-12"}'`);
  narrator.note('  npm run holdfast -- logs -f');
  narrator.note(`  mosquitto_sub -p ${mqttPort} -u weather-station -P greenhouse -t 'site/#' -v`);
  narrator.note('Ctrl-C ends it.');
}

async function untilInterrupted(signal: AbortSignal): Promise<void> {
  // A pending promise alone does not keep a process alive.
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(keepAlive);
}
