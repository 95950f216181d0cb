import { access } from 'node:fs/promises';
import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { examples, parseName } from '../options.ts';
import { writeOutput } from '../output-file.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { manifestTemplate } from '../manifest-template.ts';

type Options = { readonly output: string; readonly force?: true };

export function registerInit(program: Command, surroundings: Surroundings): void {
  program
    .command('init')
    .description('Write a commented manifest to start from.')
    .argument('[name]', 'The device that the manifest describes.', parseName, 'my-machine')
    .option('-o, --output <file>', 'Where to write it.', 'machine.yaml')
    .option('--force', 'Replace the file if it exists.')
    .addHelpText('after', examples('holdfast init greenhouse-7', 'holdfast init kiosk-1 -o kiosk.yaml'))
    .action(action(surroundings, init));
}

async function init(run: Run, { output, force }: Options, name: string): Promise<void> {
  if (force !== true && (await exists(output))) {
    throw new CliError('exists', `Cannot write ${output}: it exists already.`, {
      hint: 'Choose another file by -o FILE, or replace it by --force.',
    });
  }
  await writeOutput(output, manifestTemplate(name), { mode: 0o644 });
  run.out.result({ file: output, device: name }, () =>
    [`Wrote ${output} for ${name}. Next:`, `  holdfast validate ${output}`].join('\n'),
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
