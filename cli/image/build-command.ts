import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { buildImage, type BuiltImage } from '../../cloud-sync/oci/image/build-image.ts';
import { hostPlatform, parsePlatform, platformText } from '../../cloud-sync/oci/image/platform.ts';
import { chunkTablePlace } from '../../cloud-sync/oci/layer/chunk-table.ts';
import { requireFolder } from '../../cloud-sync/oci/layer/tree-entries.ts';
import { OciLayout, parseReference } from '../../cloud-sync/oci/index.ts';
import { CliError } from '../errors.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { formatBytes, Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { buildExcludes, imageSettings } from './image-settings.ts';
import { openOutputLayout, type OutputLayout } from './output-layout.ts';
import { pushFromLayout } from './push-from-layout.ts';
import type { SettingFlags } from './setting-flags.ts';

export type BuildOptions = SettingFlags & {
  readonly tag?: string;
  readonly out?: string;
  readonly push?: true;
  readonly platform?: string;
  readonly exclude: readonly string[];
  readonly compression: 'zstd' | 'gzip';
};

/** `holdfast image build` */
export async function build(run: Run, options: BuildOptions, folder: string): Promise<void> {
  const { tag, out } = options;
  requireGoal(options, folder);
  requireFolder(folder);
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  const { layers = [], ...settings } = await imageSettings(run, folder, options);
  const excludes = await buildExcludes(run, folder, [...options.exclude, ...outputWithin(folder, out)]);
  await using place = await layoutFor(out);
  const { layout } = place;
  const built = await withProgress(run, folder, (onProgress) =>
    buildImage({
      folder: resolve(folder),
      layout,
      platform,
      settings,
      layers,
      excludes,
      compression: options.compression,
      sourceDateSeconds: sourceDate(run.io.env.SOURCE_DATE_EPOCH),
      signal: run.signal,
      onProgress,
    }),
  );
  for (const path of built.skipped)
    run.out.note(`Left out ${printable(path)}: no image holds sockets, fifos and devices.`);
  for (const { path, name } of built.lostAttributes)
    run.out.note(
      `Left out the attribute ${name} of ${printable(path)}: no image holds a name that is no UTF-8.`,
    );
  if (out !== undefined) await layout.tag(parseReference(tag ?? 'image').tag ?? 'latest', built.descriptor);
  const image = built.descriptor;
  const pushed =
    options.push === true && tag !== undefined
      ? await pushFromLayout(run, { layout, image, reference: tag })
      : undefined;
  const size = built.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const names = {
    ...(out !== undefined && { layout: out }),
    ...(pushed && { reference: pushed.name, pinned: pushed.pinned }),
  };
  run.out.result(
    {
      ...names,
      digest: image.digest,
      platform: platformText(platform),
      size,
      layers: layersOf(built),
      skipped: built.skipped,
      lostAttributes: built.lostAttributes,
    },
    () => {
      const done = pushed ? `Pushed ${pushed.name}` : `Built ${tag ?? out ?? ''}`;
      const what = `${platformText(platform)}, ${plural(built.layers.length, 'layer')}, ${formatBytes(size)}`;
      return [`${done} (${what})`, image.digest].join('\n');
    },
  );
}

function requireGoal({ tag, out, push }: BuildOptions, folder: string): void {
  if (tag !== undefined && parseReference(tag).digest !== undefined)
    throw new CliError('usage', `Cannot build ${tag}: its digest is what comes out.`, {
      hint: 'Name a tag.',
    });
  if (push === true && tag === undefined)
    throw new CliError('usage', 'Nothing says where to push to.', { hint: 'Add -t REPOSITORY:TAG.' });
  if (out !== undefined && resolve(out) === resolve(folder))
    throw new CliError('usage', `The layout ${out} is the tree itself.`, { hint: 'Name another --out.' });
  if (push === true || out !== undefined) return;
  throw new CliError('usage', 'Nothing says where the image goes.', {
    hint: 'Add --out FOLDER for an OCI image layout, or --push and -t REPOSITORY:TAG.',
  });
}

function layersOf({ layers }: BuiltImage) {
  return layers.map(({ descriptor, diffId }) => ({
    digest: descriptor.digest,
    diffId,
    size: descriptor.size,
    chunked: chunkTablePlace(descriptor) !== undefined,
  }));
}

/** The layout itself is no part of the image, where somebody puts it into the tree. */
function outputWithin(folder: string, out: string | undefined): string[] {
  const path = out === undefined ? '' : relative(resolve(folder), resolve(out));
  if (path === '' || path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)) return [];
  return [
    `/${path
      .split(sep)
      .join('/')
      .replaceAll(/[\\*?[\]!# ]/g, '\\$&')}`,
  ];
}

/** Without `--out` in a temporary folder, gone when the image is pushed. */
async function layoutFor(out: string | undefined): Promise<OutputLayout> {
  if (out !== undefined) return openOutputLayout(out);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-image-'));
  return {
    layout: await OciLayout.open(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

type OnProgress = (done: number, total: number) => void;

async function withProgress<T>(
  run: Run,
  folder: string,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  using progress = new Progress(run.io, { label: `Building ${folder}`, enabled: !run.out.json });
  return await work((done, total) => progress.bytes(done, total));
}

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function sourceDate(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (/^[0-9]{1,11}$/.test(text)) return Number(text);
  throw new CliError('usage', `SOURCE_DATE_EPOCH is ${text}, which are no seconds since 1970.`, {
    hint: 'Set it to a whole number, or not at all.',
  });
}
