import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Option, type Command } from 'commander';
import type { FunctionSpec } from '../../../manifests/function.ts';
import { readInput } from '../../files.ts';
import { findEntry, nameOfSource } from '../../function-entry.ts';
import { aborted } from '../../interrupt.ts';
import { readManifest } from '../../manifest-file.ts';
import { examples, parseName, parsePort } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { refreshTypePaths } from '../../type-paths.ts';

type Options = {
  readonly machine?: string;
  readonly name?: string;
  readonly port: number;
  readonly event?: string;
};

export function registerDev(functions: Command, surroundings: Surroundings): void {
  functions
    .command('dev')
    .description(
      'Run a function here, in the sandbox that devices use, and again after each change of its source.',
    )
    .argument('[entry]', 'Its entry file, or its folder.', '.')
    .option(
      '--machine <file>',
      'The manifest with its triggers, bindings and limits (default: machine.yaml beside it).',
    )
    .option('--name <function>', 'Which function of the manifest it is, when there are several.', parseName)
    .addOption(
      new Option('--port <port>', 'Where it listens on localhost; 0 takes a free port.')
        .argParser(parsePort)
        .default(8787),
    )
    .option(
      '--event <file>',
      'Events to run after each build: {"kind": "message", "topic": …, "body": …}, or an array.',
    )
    .addHelpText(
      'after',
      `
Secrets come from .dev.vars beside the entry: lines of NAME=value. It and the manifest are read once: start again after changing them.
Events other than HTTP requests:
  curl -d '{"n": 1}'  'localhost:8787/cdn-cgi/handler/message?topic=a/b'
  curl               'localhost:8787/cdn-cgi/handler/scheduled?cron=*+*+*+*+*'
  curl -d '[1, 2]'    'localhost:8787/cdn-cgi/handler/queue?queue=jobs'
  curl               'localhost:8787/cdn-cgi/handler/file?volume=inbox&path=a.csv'
  curl -d '"payload"' 'localhost:8787/cdn-cgi/handler/invoke'`,
    )
    .addHelpText(
      'after',
      examples('holdfast functions dev', 'holdfast functions dev ./to-celsius --port 9000 --json'),
    )
    .action(action(surroundings, develop));
}

async function develop(run: Run, { machine, name, port, event }: Options, source: string): Promise<void> {
  const [
    { DevSession },
    { DevServer },
    { DevReporter },
    { readEvents },
    { memoryOutside },
    { missingSecrets, secretsFrom },
    { createFetch },
  ] = await Promise.all([
    import('../../function-dev/dev-session.ts'),
    import('../../function-dev/dev-server.ts'),
    import('../../function-dev/dev-reporter.ts'),
    import('../../function-dev/read-events.ts'),
    import('../../../functions/sdk/testing/memory-outside.ts'),
    import('../../function-dev/dev-vars.ts'),
    import('../../../agent/outside/fetch.ts'),
  ]);
  const entry = await findEntry(run.io, source);
  const folder = dirname(entry);
  await refreshTypePaths(folder);
  const definition = await readDefinition(run, { entry, machine, name });
  const vars = join(folder, '.dev.vars');
  const secrets = existsSync(vars)
    ? secretsFrom(
        await readInput(run.io, vars, { what: 'file of secrets', maxBytes: 2 ** 20 }),
        definition.spec.bindings,
      )
    : {};
  const events = event === undefined ? [] : await readEvents(run.io, event);
  const reporter = new DevReporter({ out: run.out, sourceFolder: relative('', folder) });
  using outbound = createFetch();
  await using session = await DevSession.open({
    ...definition,
    entry,
    reporter,
    outside: { ...memoryOutside({ secrets }), fetch: outbound.fetch },
    events,
    signal: run.signal,
  });
  await using server = await DevServer.open({
    port,
    spec: definition.spec,
    run: (each) => session.run(each),
  });
  reporter.ready(server.url, definition.name, {
    missing: missingSecrets(secrets, definition.spec.bindings),
    readOnce: ['.dev.vars', machine ?? 'machine.yaml'],
  });
  await aborted(run.signal);
}

type Definition = { readonly name: string; readonly spec: FunctionSpec };

/** From the manifest; without one the function has no bindings and takes every event. */
async function readDefinition(
  run: Run,
  { entry, machine, name }: { entry: string; machine: string | undefined; name: string | undefined },
): Promise<Definition> {
  const { machineFunction } = await import('../../../functions/sdk/testing/machine-function.ts');
  const { parseFunctionManifest } = await import('../../../functions/sdk/testing/local-function.ts');
  const beside = join(dirname(entry), 'machine.yaml');
  const file = machine ?? (existsSync(beside) ? beside : undefined);
  if (file === undefined) return { name: name ?? nameOfSource(entry), spec: parseFunctionManifest({}) };
  const { text } = await readManifest(run, file);
  return machineFunction({ text, file, entry, name });
}
