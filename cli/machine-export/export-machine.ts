import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gatherMachine } from '../../agent/bundle-file/gather-machine.ts';
import { gatherVault, type GatheredVault } from '../../agent/bundle-file/gather-vault.ts';
import { writeBundleFile } from '../../agent/bundle-file/write-bundle-file.ts';
import { hostPlatform, parsePlatform, platformText } from '../../cloud-sync/oci/image/platform.ts';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import {
  canonicalize,
  manifestDigest,
  readCanonicalManifest,
  references,
  type JsonObject,
  type Machine,
} from '../../manifests/index.ts';
import { openCloud, type Cloud } from '../cloud.ts';
import { agentRoot } from '../context.ts';
import { LabelledProgress } from '../labelled-progress.ts';
import { readManifest, type ManifestFile } from '../manifest-file.ts';
import { plural } from '../plural.ts';
import { formatBytes } from '../progress.ts';
import { resolveReferences } from '../references.ts';
import type { Run } from '../run.ts';
import { openLocation } from '../vault/open-location.ts';
import { bundleOutput } from './bundle-output.ts';

export type ExportOptions = {
  readonly output: string;
  readonly platform?: string;
  readonly withData?: true;
  readonly repository?: string;
  readonly cacert?: string;
  readonly force?: true;
};

/**
 * Writes the bundle of a machine. What it needs is taken from the agent's folder on this machine where that has it, and from the cloud
 * else. Parts are kept beside the bundle until it is whole, so that the same command goes on when it was cut short.
 */
export async function exportMachine(run: Run, options: ExportOptions, path: string): Promise<void> {
  const { signal } = run;
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  const file = await readManifest(run, path);
  const output = await bundleOutput(options.output, options.force ?? false);
  await using clouds = new LazyCloud(run);
  const document = await pinned(run, clouds, file);
  const parts = `${output}.parts`;
  const layout = await OciLayout.open(parts);
  using shown = new LabelledProgress(run);
  const machine = machineOf(document);
  const gathered = await gatherMachine({
    ...{ document, machine, layout, platform, signal },
    local: join(agentRoot(run), 'artifacts'),
    registry: async (host) => [(await clouds.get()).registry(host)],
    onProgress: (component, done, total) => shown.bar(`Fetching ${component}`).bytes(done, total),
  });
  const data = options.withData ? await gatherData({ run, options, machine, layout, shown }) : undefined;
  const contents = data
    ? {
        ...gathered,
        entries: [...gathered.entries, ...data.entries],
        blobs: new Set([...gathered.blobs, ...data.blobs]),
      }
    : gathered;
  const bytes = await writeBundleFile(output, contents, {
    signal,
    onProgress: (done, total) => shown.bar(`Writing ${options.output}`).bytes(done, total),
  });
  await rm(parts, { recursive: true, force: true });
  shown[Symbol.dispose]();
  const digest = manifestDigest(canonicalize(document));
  const components = gathered.entries.length - 1;
  run.out.result(
    {
      file: options.output,
      bytes,
      digest,
      platform: platformText(platform),
      components,
      data: data !== undefined,
    },
    () =>
      `Wrote ${options.output}: ${file.machine.metadata.name} (${digest}), ${plural(components, 'component')}${data ? ' and the data' : ''} for ${platformText(platform)}, ${formatBytes(bytes)}`,
  );
}

type DataParts = {
  readonly run: Run;
  readonly options: ExportOptions;
  readonly machine: Machine;
  readonly layout: OciLayout;
  readonly shown: LabelledProgress;
};

async function gatherData({ run, options, machine, layout, shown }: DataParts): Promise<GatheredVault> {
  const { repository, cacert } = options;
  const location = repository ?? machine.vault?.repository ?? `cloud:${machine.metadata.name}`;
  await using backend = await openLocation(run, location, { ...(cacert !== undefined && { cacert }) });
  return await gatherVault({
    ...{ backend, layout, signal: run.signal },
    onProgress: (done, total) => shown.bar('Fetching the data').bytes(done, total),
  });
}

/** As it is once its tags are digests. */
function machineOf(document: JsonObject): Machine {
  const canonical = canonicalize(document);
  return readCanonicalManifest(Buffer.from(canonical), manifestDigest(canonical)).machine;
}

/** Tags become digests; a file without any needs no cloud. */
async function pinned(run: Run, clouds: LazyCloud, file: ManifestFile): Promise<JsonObject> {
  const isPinned = references(file.machine).every(({ digest }) => digest !== undefined);
  return isPinned ? file.document : resolveReferences(run, await clouds.get(), file);
}

/** The cloud of the context, from the first time that something is asked of it. */
class LazyCloud implements AsyncDisposable {
  readonly #run: Run;
  #cloud: Promise<Cloud> | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  get(): Promise<Cloud> {
    return (this.#cloud ??= openCloud(this.#run));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const cloud = await this.#cloud?.catch(() => undefined);
    await cloud?.[Symbol.asyncDispose]();
  }
}
