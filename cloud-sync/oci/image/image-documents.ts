import { digestOf } from '../../../lib/digest.ts';
import type { WrittenLayer } from '../layer/write-layer.ts';
import { ociManifestType, type Descriptor } from '../manifest.ts';
import { ociConfigType } from './image-config.ts';
import type { ImageFile } from './image-file.ts';
import type { Platform } from './platform.ts';

export type ImageSettings = Omit<ImageFile, 'layers'>;

export type ImageParts = {
  readonly settings: ImageSettings;
  readonly platform: Platform;
  /** Seconds since 1970. */
  readonly createdSeconds: number;
  readonly layers: readonly WrittenLayer[];
};

export type ImageDocuments = {
  readonly config: Buffer;
  readonly manifest: Buffer;
  /** Of the manifest. */
  readonly descriptor: Descriptor;
};

/** Config and manifest as they are stored (OCI image spec 1.1). The same parts make the same bytes. */
export function imageDocuments({ settings, platform, createdSeconds, layers }: ImageParts): ImageDocuments {
  const created = new Date(createdSeconds * 1000).toISOString().replace('.000Z', 'Z');
  const config = encode({
    created,
    architecture: platform.architecture,
    os: platform.os,
    variant: platform.variant,
    config: runConfig(settings),
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created, created_by: 'holdfast image build' })),
  });
  const manifest = encode({
    schemaVersion: 2,
    mediaType: ociManifestType,
    config: describe(ociConfigType, config),
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: { 'org.opencontainers.image.created': created },
  });
  return { config, manifest, descriptor: describe(ociManifestType, manifest) };
}

/** Left out is what nobody set. */
function runConfig(settings: ImageSettings) {
  const { entrypoint, cmd, env, workdir, user, labels, stopSignal, ports } = settings;
  return {
    User: user,
    ExposedPorts: ports && exposedPorts(ports),
    Env: env && Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Entrypoint: entrypoint,
    Cmd: cmd,
    WorkingDir: workdir,
    Labels: labels && Object.fromEntries(Object.entries(labels).toSorted()),
    StopSignal: stopSignal,
  };
}

function exposedPorts(ports: readonly string[]): Record<string, object> {
  const names = ports.map((port) => (port.includes('/') ? port : `${port}/tcp`));
  return Object.fromEntries(names.toSorted().map((name) => [name, {}]));
}

function describe(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

function encode(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}
