import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Option, type Command } from 'commander';
import { errorCode } from '../../../lib/error-code.ts';
import { CliError } from '../../errors.ts';
import {
  projectFiles,
  templateNames,
  templates,
  type TemplateName,
} from '../../function-templates/project-files.ts';
import { examples, parseName } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { writeTypePaths } from '../../type-paths.ts';

type Options = { readonly template: TemplateName; readonly dir?: string };

export function registerNew(functions: Command, surroundings: Surroundings): void {
  const list = templateNames.map((name) => `  ${name.padEnd(8)}${templates[name].summary}`);
  functions
    .command('new')
    .description('Write a small function with its test, ready to run.')
    .argument('<name>', 'Its name, and that of its folder.', parseName)
    .addOption(
      new Option('--template <template>', 'What to start from.').choices(templateNames).default('module'),
    )
    .option('--dir <folder>', 'Where to write it (default: a folder NAME here).')
    .addHelpText('after', `\nTemplates:\n${list.join('\n')}`)
    .addHelpText(
      'after',
      examples('holdfast functions new to-celsius', 'holdfast functions new shop --template hono'),
    )
    .action(action(surroundings, newFunction));
}

async function newFunction(run: Run, { template, dir }: Options, name: string): Promise<void> {
  const folder = dir ?? name;
  if (!(await isEmpty(folder))) {
    throw new CliError('exists', `Cannot write a function to ${folder}: it is not empty.`, {
      hint: 'Choose another folder by --dir FOLDER.',
    });
  }
  const files = projectFiles(name, template);
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    // `wx`: whatever came there meanwhile stays.
    await writeFile(file, content, { flag: 'wx' });
  }
  await writeTypePaths(folder);
  const install = Object.keys(templates[template].dependencies).length > 0 ? ['  npm install'] : [];
  run.out.result({ function: name, template, folder, files: Object.keys(files) }, () =>
    [
      `Wrote ${name} to ${folder}. Next:`,
      `  cd ${relative('', folder) || '.'}`,
      ...install,
      '  holdfast functions test',
      '  holdfast functions dev',
    ].join('\n'),
  );
}

async function isEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true;
    if (errorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
