import type { Command } from 'commander';
import { openCloud } from '../cloud.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import { examples, parseName } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = { readonly payload?: string; readonly device?: string };

const payloadMaxBytes = 2 ** 20;

export function registerInvoke(program: Command, surroundings: Surroundings): void {
  program
    .command('invoke')
    .description('Call a function and print its result: on this device, or on another through the cloud.')
    .argument('<function>', 'Its name in the manifest.', parseName)
    .option('--payload <json>', 'The payload: JSON, @FILE, or - for stdin (default: null).')
    .option('--device <name>', 'Through the cloud, on this device.', parseName)
    .addHelpText(
      'after',
      examples(
        'holdfast invoke weather-summary --payload \'{"month":"2012-01"}\'',
        'holdfast invoke weather-summary --payload @event.json --device greenhouse-7',
      ),
    )
    .action(action(surroundings, invoke));
}

async function invoke(run: Run, { payload: text, device }: Options, name: string): Promise<void> {
  const payload = await readPayload(run, text);
  const result =
    device === undefined
      ? await invokeHere(run, name, payload)
      : await invokeThere(run, device, name, payload);
  run.out.data({ result: result ?? null }, () => textOf(result));
}

/** Nothing for a function that returned nothing. */
function textOf(result: unknown): string {
  if (result === undefined) return '';
  return typeof result === 'string' ? result : JSON.stringify(result, null, 2);
}

async function invokeHere(run: Run, name: string, payload: unknown): Promise<unknown> {
  const { ControlClient } = await import('../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  return await agent.invoke(name, payload, run.signal);
}

async function invokeThere(run: Run, device: string, name: string, payload: unknown): Promise<unknown> {
  await using cloud = await openCloud(run);
  // Not repeated: the device may have run it when the answer was lost.
  return await cloud.once((client) =>
    client.invoke(device, { function: name, payload }, { signal: run.signal }),
  );
}

async function readPayload(run: Run, text: string | undefined): Promise<unknown> {
  if (text === undefined) return null;
  const json = await payloadText(run, text);
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CliError('invalidFile', `The payload is not JSON: ${(cause as Error).message}.`, {
      cause,
      hint: 'A string needs its own quotes: --payload \'"text"\'',
    });
  }
}

async function payloadText({ io }: Run, text: string): Promise<string> {
  if (text !== '-' && !text.startsWith('@')) return text;
  const path = text === '-' ? text : text.slice(1);
  return readInput(io, path, { what: 'payload', maxBytes: payloadMaxBytes });
}
