import type { Command } from 'commander';
import { CliError } from '../../errors.ts';
import { findLayoutImage } from '../../image/layout-argument.ts';
import { pushFromLayout } from '../../image/push-from-layout.ts';
import { examples } from '../../options.ts';
import { formatBytes } from '../../progress.ts';
import { action, type Run, type Surroundings } from '../../run.ts';

export function registerPushImage(image: Command, surroundings: Surroundings): void {
  image
    .command('push')
    .description(
      "Push an image of an OCI layout: to the cloud's registry, or another that the reference names.",
    )
    .argument('<layout>', 'A folder with an OCI image layout, or folder:tag.')
    .argument('<reference>', 'Repository and tag, such as acme/dashboard:v2 or host:5000/acme/dashboard:v2.')
    .addHelpText(
      'after',
      examples(
        'holdfast image push ./layout:v2 acme/dashboard:v2',
        'holdfast image push ./layout registry.example.com/acme/dashboard:v2',
      ),
    )
    .action(action(surroundings, push));
}

async function push(run: Run, _options: object, argument: string, reference: string): Promise<void> {
  const found = await findLayoutImage(argument);
  if (found === undefined) {
    throw new CliError('notFound', `There is no OCI image layout ${argument}.`, {
      hint: 'Build one: holdfast image build FOLDER --out LAYOUT',
    });
  }
  const pushed = await pushFromLayout(run, { ...found, reference });
  const { name, digest, pinned, bytesSent, bytesTotal } = pushed;
  run.out.result({ reference: name, pinned, digest, size: bytesTotal, sent: bytesSent }, () =>
    [`Pushed ${name} (${formatBytes(bytesSent)} of ${formatBytes(bytesTotal)} were new)`, digest].join('\n'),
  );
}
