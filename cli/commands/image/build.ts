import { Option, type Command } from 'commander';
import { collect, examples } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { collectPairs, parseWords } from '../../image/setting-flags.ts';
import type { BuildOptions } from '../../image/build-command.ts';

const notes = `
The folder is the root of the image. holdfast-image.yaml in it may say what the flags say:

  entrypoint: [/bin/node, /app/server.mjs]
  env: { PORT: "8080" }
  user: "1000:1000"
  layers: [app/node_modules]

and .holdfastignore what to leave out. Neither is part of the image. Owners, times and the umask of
this machine are not either: equal trees make equal digests. SOURCE_DATE_EPOCH is the date in it.`;

export function registerBuild(image: Command, surroundings: Surroundings): void {
  image
    .command('build')
    .description('Build an image from a folder, into an OCI layout or to a registry.')
    .argument('<folder>', 'The tree of the image.')
    .option('-t, --tag <reference>', 'Repository and tag, such as acme/dashboard:v2.')
    .option('--out <folder>', 'An OCI image layout to add it to; made when there is none.')
    .option('--push', "Push it to the registry of --tag (default: the cloud's own).")
    .option('--platform <platform>', 'Such as linux/arm64 (default: that of this machine).')
    .option('--file <path>', 'The image file (default: holdfast-image.yaml in the folder).')
    .option('--entrypoint <words>', 'The program and its first arguments; words, or a JSON list.', parseWords)
    .option('--cmd <words>', 'Further arguments, which the machine file may replace.', parseWords)
    .option('--env <NAME=value>', 'A variable; may be repeated.', collectPairs, {})
    .option('--workdir <path>', 'The working directory inside.')
    .option('--user <user>', 'user or user:group, by name or number.')
    .option('--label <NAME=value>', 'A label; may be repeated.', collectPairs, {})
    .option('--stop-signal <signal>', 'What asks it to stop, such as SIGINT (default: SIGTERM).')
    .option(
      '--port <port>',
      'A port that it listens on, such as 8080 or 53/udp; may be repeated.',
      collect,
      [],
    )
    .option('--layer <folder>', 'A folder that is a layer of its own, below; may be repeated.', collect, [])
    .option('--exclude <pattern>', 'Leave out, as in .gitignore; may be repeated.', collect, [])
    .addOption(
      new Option('--compression <kind>', 'gzip for tools that know no zstd; updates are whole layers then.')
        .choices(['zstd', 'gzip'])
        .default('zstd'),
    )
    .addHelpText('after', notes)
    .addHelpText(
      'after',
      `\n${examples(
        'holdfast image build ./dashboard -t acme/dashboard:v2 --push',
        'holdfast image build ./dashboard --out ./layout -t dashboard:v2 --entrypoint "/bin/node /app/server.mjs"',
        'holdfast image build ./root --out ./layout --platform linux/arm64 --layer app/node_modules',
      )}`,
    )
    .action(
      action(surroundings, async (run, options: BuildOptions, folder: string) => {
        const { build } = await import('../../image/build-command.ts');
        await build(run, options, folder);
      }),
    );
}
