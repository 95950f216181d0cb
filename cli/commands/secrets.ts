import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { agentRoot } from '../context.ts';
import { readInput } from '../files.ts';
import { examples, parseName } from '../options.ts';
import { askSecret } from '../passphrase.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { formatTable } from '../table.ts';

type SetOptions = { readonly fromFile?: string };

const maxBytes = 64 * 1024;

export function registerSecrets(program: Command, surroundings: Surroundings): void {
  const secrets = program
    .command('secrets')
    .description(
      'Secrets of this device, which functions, apps and connections use by name. They never leave it.',
    );
  secrets
    .command('set')
    .description(
      'Set a secret, from a file, stdin, or a prompt without echo. What uses it gets the new value.',
    )
    .argument('<name>', 'As the manifest names it.', parseName)
    .option('--from-file <file>', 'Read the value from a file; its last line break is left out.')
    .addHelpText(
      'after',
      examples(
        'holdfast secrets set weather-key',
        'holdfast secrets set tls-key --from-file key.pem',
        'printf %s "$TOKEN" | holdfast secrets set shop-token',
      ),
    )
    .action(action(surroundings, setSecret));
  secrets
    .command('ls')
    .alias('list')
    .description(
      'List secrets: when each was set and who uses it, without values; and those that are missing.',
    )
    .addHelpText('after', examples('holdfast secrets ls', 'holdfast secrets ls --json'))
    .action(action(surroundings, listSecrets));
  secrets
    .command('rm')
    .description('Remove a secret. What uses it waits until it is set again.')
    .argument('<name>', 'As the manifest names it.', parseName)
    .addHelpText('after', examples('holdfast secrets rm weather-key'))
    .action(action(surroundings, removeSecret));
}

async function setSecret(run: Run, options: SetOptions, name: string): Promise<void> {
  const value = await readValue(run, options, name);
  if (value === '')
    throw new CliError('usage', `The value of ${name} is empty.`, {
      hint: 'Type one, pipe it in on stdin, or give --from-file FILE.',
    });
  await using agent = await openAgent(run);
  const { usedBy } = await agent.setSecret(name, value, run.signal);
  run.out.result({ name, usedBy }, () => `${name} is set. ${users(usedBy)}`);
}

async function readValue(run: Run, { fromFile }: SetOptions, name: string): Promise<string> {
  if (fromFile === undefined && run.io.stdin.isTTY) return askSecret(run, `Value of ${name}: `);
  const text = await readInput(run.io, fromFile ?? '-', { what: 'secret', maxBytes });
  return text.replace(/\r?\n$/, '');
}

async function listSecrets(run: Run): Promise<void> {
  await using agent = await openAgent(run);
  const value = await agent.secrets(run.signal);
  run.out.result(value, () => {
    if (value.secrets.length === 0) return 'No secrets yet. Set one with: holdfast secrets set NAME';
    const rows = value.secrets.map(({ name, set, usedBy }) => [
      name,
      set ?? run.out.paint('yellow', 'missing'),
      usedBy.join(', ') || '-',
    ]);
    return formatTable(['SECRET', 'SET', 'USED BY'], rows);
  });
}

async function removeSecret(run: Run, _options: object, name: string): Promise<void> {
  await using agent = await openAgent(run);
  const { usedBy } = await agent.removeSecret(name, run.signal);
  run.out.result({ name, usedBy }, () => {
    const waiting = usedBy.length === 0 ? '' : ` It is missed by ${usedBy.join(', ')}.`;
    return `${name} is removed.${waiting}`;
  });
}

async function openAgent(run: Run) {
  const { ControlClient } = await import('../../agent/control/client.ts');
  return ControlClient.forRoot(agentRoot(run));
}

function users(usedBy: readonly string[]): string {
  return usedBy.length === 0 ? 'Nothing uses it yet.' : `Used by ${usedBy.join(', ')}.`;
}
