import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openImageStore } from '../../agent/apps/store/open-image-store.ts';
import type { StoredImage } from '../../agent/apps/ports.ts';
import { buildImage } from '../../cloud-sync/oci/image/build-image.ts';
import { hostPlatform } from '../../cloud-sync/oci/image/platform.ts';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { silentLogger } from '../../lib/logger.ts';
import { appSchema } from '../../manifests/app.ts';
import { startDockerRegistry, type DockerRegistry } from '../../test/support/docker-registry.ts';
import { hasPeer } from '../../test/support/has-peer.ts';
import type { Figures, RunOptions } from '../main.ts';
import { median, rounded } from '../statistics.ts';
import { measureAgentMemory } from './agent-memory.ts';
import { buildPrograms } from './build-programs.ts';
import { pullWithHoldfast, pullWithSkopeo, type Pulled } from './contenders.ts';
import { changeTree, makeImageTree } from './image-tree.ts';
import { openShapedLink } from './shaped-link.ts';
import { measureStarts } from './start-times.ts';

const linkBitsPerSecond = 20_000_000;
const repository = 'bench/image';
const ratioDigits = 3;
const { signal } = new AbortController();

type Bench = {
  readonly folder: string;
  readonly registry: DockerRegistry;
  readonly report: (line: string) => void;
  readonly rounds: number;
  readonly images: Images;
};

/** The same tree with a gzip layer, which every peer reads, and with a seekable zstd one; and the latter with 2 % of it changed. */
type Images = { readonly gzip: string; readonly seekable: string; readonly changed: string };

/** Images pulled, unpacked, updated and started, beside skopeo, umoci and runc. */
export async function run(report: (line: string) => void, options: RunOptions): Promise<Figures> {
  for (const peer of ['skopeo', 'umoci', 'runc', 'docker-registry'])
    if (!hasPeer(peer)) throw new Error(`There is no ${peer} to compare with. Run scripts/peers.`);
  report('building');
  await buildPrograms();
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'bench-images-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const registry = stack.use(await startDockerRegistry());
  const images = await makeImages(folder, registry, report);
  const bench = { folder, registry, report, rounds: options.quick ? 1 : 5, images };
  return {
    pullVsSkopeo: await comparePulls(bench),
    ...(await compareUpdates(bench)),
    startVsRunc: await compareStarts(bench),
    rssMb: await measureMemory(bench, options.quick ? 50 : 500),
  };
}

async function makeImages(
  folder: string,
  registry: DockerRegistry,
  report: Bench['report'],
): Promise<Images> {
  const tree = join(folder, 'tree');
  await makeImageTree(tree);
  const layout = await OciLayout.open(join(folder, 'layout'));
  const push = async (name: string, compression: 'gzip' | 'zstd'): Promise<string> => {
    const { descriptor, layers } = await buildImage({
      folder: tree,
      layout,
      platform: hostPlatform(),
      settings: {},
      compression,
      signal,
    });
    await layout.tag(name, descriptor);
    await promisify(execFile)('skopeo', [
      ...['--insecure-policy', '--tmpdir', folder, 'copy', '--dest-tls-verify=false'],
      ...[`oci:${join(folder, 'layout')}:${name}`, `docker://${registry.host}/${repository}:${name}`],
    ]);
    const [layer] = layers;
    report(
      `${name}: ${megabytes(layer?.plainBytes ?? 0)} MB of files in a layer of ${megabytes(layer?.descriptor.size ?? 0)} MB`,
    );
    return descriptor.digest;
  };
  const gzip = await push('gzip', 'gzip');
  const seekable = await push('seekable', 'zstd');
  const { changedBytes, bytes } = await changeTree(tree);
  report(`changed ${((changedBytes / bytes) * 100).toFixed(2)} % of the bytes`);
  return { gzip, seekable, changed: await push('changed', 'zstd') };
}

async function comparePulls({ folder, registry, report, rounds, images }: Bench): Promise<number> {
  const { host } = registry;
  const ratios: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const target = (name: string): string => join(folder, `pull-${round}`, name);
    const gzip = { host, repository, digest: images.gzip };
    const ours = (): Promise<number> => pullWithHoldfast(gzip, target('ours'));
    const theirs = (): Promise<number> => pullWithSkopeo(gzip, target('theirs'));
    const [oursMs, theirsMs] =
      round % 2 === 0 ? [await ours(), await theirs()] : swapped([await theirs(), await ours()]);
    const seekableMs = await pullWithHoldfast(
      { host, repository, digest: images.seekable },
      target('seekable'),
    );
    report(
      `pull and unpack: holdfast ${seconds(oursMs)} s (its own kind of layer ${seconds(seekableMs)} s), skopeo and umoci ${seconds(theirsMs)} s${round === 0 ? ' (warm-up)' : ''}`,
    );
    if (round > 0) ratios.push(oursMs / theirsMs);
    await rm(join(folder, `pull-${round}`), { recursive: true, force: true });
  }
  return rounded(median(ratios), ratioDigits);
}

/** The changed image over a slow link: onto a device with the former one, against onto one with nothing. */
async function compareUpdates(bench: Bench): Promise<{ updateBytes: number; updateWall: number }> {
  const { folder, registry, report, rounds, images } = bench;
  const walls: number[] = [];
  const bytes: number[] = [];
  const slowRounds = Math.min(rounds, 3);
  for (let round = 0; round < slowRounds; round++) {
    const at = join(folder, `update-${round}`);
    await pullWithHoldfast({ host: registry.host, repository, digest: images.seekable }, join(at, 'device'));
    const update = await overSlowLink(registry, { repository, digest: images.changed }, join(at, 'device'));
    const whole = await overSlowLink(registry, { repository, digest: images.changed }, join(at, 'blank'));
    report(
      `update over 20 Mbit/s: ${megabytes(update.bytes)} MB in ${seconds(update.wallMs)} s, whole ${megabytes(whole.bytes)} MB in ${seconds(whole.wallMs)} s`,
    );
    walls.push(update.wallMs / whole.wallMs);
    bytes.push(update.bytes / whole.bytes);
    await rm(at, { recursive: true, force: true });
  }
  return {
    updateBytes: rounded(median(bytes), ratioDigits),
    updateWall: rounded(median(walls), ratioDigits),
  };
}

async function overSlowLink(
  registry: DockerRegistry,
  image: Omit<Pulled, 'host'>,
  folder: string,
): Promise<{ readonly wallMs: number; readonly bytes: number }> {
  await using link = await openShapedLink(registry.port, linkBitsPerSecond);
  const wallMs = await pullWithHoldfast({ ...image, host: `127.0.0.1:${link.port}` }, folder);
  return { wallMs, bytes: link.bytesDown };
}

async function compareStarts({ folder, report, rounds, images }: Bench): Promise<number> {
  const root = join(folder, 'starts');
  const image = await unpacked(root, join(folder, 'layout'), images.seekable);
  const { holdfastMs, runcMs } = await measureStarts(root, image, rounds * 2 + 1);
  report(
    `start to first good check: holdfast ${holdfastMs.map(Math.round).join(', ')} ms; runc ${runcMs.map(Math.round).join(', ')} ms`,
  );
  const ratios = holdfastMs.map((ms, index) => ms / (runcMs[index] ?? Number.NaN)).slice(1);
  return rounded(median(ratios), ratioDigits);
}

async function unpacked(root: string, layout: string, digest: string): Promise<StoredImage> {
  const store = await openImageStore({
    root,
    layout: await OciLayout.open(layout),
    registry: () => [],
    inUse: () => Promise.resolve(new Set()),
    logger: silentLogger,
  });
  const images = await store.load({ bench: appSchema.parse({ image: `bench@${digest}` }) });
  const image = images.get('bench');
  if (!image) throw new Error('The image was not unpacked');
  return image;
}

async function measureMemory({ folder, report }: Bench, sizeMegabytes: number): Promise<number> {
  const at = join(folder, 'memory');
  const tree = join(at, 'tree');
  await mkdir(tree, { recursive: true });
  await writeNoise(join(tree, 'noise'), sizeMegabytes);
  const layout = await OciLayout.open(join(at, 'layout'));
  const built = await buildImage({ folder: tree, layout, platform: hostPlatform(), settings: {}, signal });
  await layout.tag('large', built.descriptor);
  const { agentBytes, allBytes } = await measureAgentMemory(at, `${join(at, 'layout')}:large`);
  report(
    `memory at its peak while ${sizeMegabytes} MB are pulled: agent ${megabytes(agentBytes)} MB, with the processes it starts ${megabytes(allBytes)} MB`,
  );
  return rounded(agentBytes / 1e6);
}

/** What does not compress: all of it travels. */
async function writeNoise(path: string, sizeMegabytes: number): Promise<void> {
  const file = createWriteStream(path);
  for (let written = 0; written < sizeMegabytes; written++) {
    if (!file.write(randomBytes(1_000_000))) await new Promise((resolve) => file.once('drain', resolve));
  }
  await new Promise<void>((resolve, reject) => {
    file.once('error', reject);
    file.end(() => resolve());
  });
}

const swapped = ([a, b]: readonly [number, number]): [number, number] => [b, a];
const seconds = (ms: number): string => (ms / 1000).toFixed(2);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
