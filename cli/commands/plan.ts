import type { Command } from 'commander';
import type { PlanResponse } from '../../agent/control/protocol.ts';
import type { JsonObject } from '../../manifests/index.ts';
import { openCloud } from '../cloud.ts';
import { agentRoot } from '../context.ts';
import { readManifest, type ManifestFile } from '../manifest-file.ts';
import { examples } from '../options.ts';
import { formatBytes } from '../progress.ts';
import { resolveReferences } from '../references.ts';
import { action, type Run, type Surroundings } from '../run.ts';

export function registerPlan(program: Command, surroundings: Surroundings): void {
  program
    .command('plan')
    .description('Show what applying a manifest would do on this device; changes nothing.')
    .argument('<file>', 'The manifest; - reads stdin. Tags are resolved through the cloud.')
    .addHelpText(
      'after',
      examples('holdfast plan machine.yaml', 'holdfast plan machine.yaml --root ./device --json'),
    )
    .action(action(surroundings, plan));
}

async function plan(run: Run, _options: object, path: string): Promise<void> {
  const file = await readManifest(run, path);
  const [{ canonicalize }, { ControlClient }] = await Promise.all([
    import('../../manifests/index.ts'),
    import('../../agent/control/client.ts'),
  ]);
  const document = await pinned(run, file);
  await using agent = ControlClient.forRoot(agentRoot(run));
  const answer = await agent.plan(canonicalize(document), run.signal);
  run.out.result(answer, () => formatPlan(answer));
}

/** A manifest that is pinned already needs no cloud. */
async function pinned(run: Run, file: ManifestFile): Promise<JsonObject> {
  const { references } = await import('../../manifests/index.ts');
  if (references(file.machine).every(({ digest }) => digest !== undefined)) return file.document;
  await using cloud = await openCloud(run);
  return await resolveReferences(run, cloud, file);
}

function formatPlan({ steps, downloadBytes, restarts }: PlanResponse): string {
  if (steps.length === 0) return 'Nothing to do: the device is what the manifest says.';
  const lines = steps.map(({ summary }, index) => `${String(index + 1).padStart(3)}. ${summary}`);
  const download = downloadBytes === null ? 'unknown' : formatBytes(downloadBytes);
  return [
    ...lines,
    `Download: ${download}. Restarts: ${restarts.length === 0 ? 'none' : restarts.join(', ')}.`,
  ].join('\n');
}
