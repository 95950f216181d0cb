import type { ImageDescription } from '../../cloud-sync/oci/image/describe-image.ts';
import type { Digest } from '../../lib/digest.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { formatBytes } from '../progress.ts';
import { formatTable } from '../table.ts';

/** What `holdfast image inspect` prints. */
export function imageText(name: string, digest: Digest, images: readonly ImageDescription[]): string {
  return [`${name}  ${digest}`, ...images.map(describe)].join('\n\n');
}

function describe(image: ImageDescription): string {
  const { platform, layers, size } = image;
  const head = `${printable(platform)}  ${plural(layers.length, 'layer')}, ${formatBytes(size)}`;
  const rows = layers.map((layer) => [
    layer.digest,
    formatBytes(layer.size),
    layer.chunked ? 'chunks' : 'whole',
    printable(layer.mediaType),
  ]);
  const settings = settingsOf(image).map(([key, value]) => `  ${key}: ${printable(value)}`);
  return [head, ...settings, indent(formatTable(['LAYER', 'SIZE', 'UPDATES', 'TYPE'], rows))].join('\n');
}

function settingsOf({ digest, created, config }: ImageDescription): (readonly [string, string])[] {
  const settings = [
    ['digest', digest],
    ['created', created],
    ['entrypoint', list(config.Entrypoint)],
    ['cmd', list(config.Cmd)],
    ['env', list(config.Env)],
    ['workdir', config.WorkingDir],
    ['user', config.User],
    ['labels', object(config.Labels)],
    ['stopSignal', config.StopSignal],
    ['ports', list(Object.keys((config.ExposedPorts as object | undefined) ?? {}))],
  ] as const;
  return settings.flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [[key, value] as const],
  );
}

function list(values: readonly string[] | null | undefined): string | undefined {
  return values == null || values.length === 0 ? undefined : JSON.stringify(values);
}

function object(values: Readonly<Record<string, string>> | null | undefined): string | undefined {
  return values == null || Object.keys(values).length === 0 ? undefined : JSON.stringify(values);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
