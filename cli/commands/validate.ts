import type { Command } from 'commander';
import { examples } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { readManifest } from '../manifest-file.ts';

export function registerValidate(program: Command, surroundings: Surroundings): void {
  program
    .command('validate')
    .description('Check a manifest: every problem at once, as file:line:column.')
    .argument('<file>', 'The manifest; - reads stdin.')
    .addHelpText('after', examples('holdfast validate machine.yaml', 'holdfast validate machine.yaml --json'))
    .action(action(surroundings, validate));
}

async function validate(run: Run, _options: object, file: string): Promise<void> {
  const { machine } = await readManifest(run, file);
  const counts = (['apps', 'functions', 'volumes', 'streams', 'clients'] as const)
    .map((section) => ({ section, count: Object.keys(machine[section]).length }))
    .filter(({ count }) => count > 0)
    .map(({ section, count }) => `${count} ${count === 1 ? section.slice(0, -1) : section}`);
  run.out.result({ ok: true, device: machine.metadata.name, problems: [] }, () =>
    [`${file} is valid: machine ${machine.metadata.name}`, ...counts].join(', '),
  );
}
