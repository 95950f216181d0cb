import { digestOf } from '../../lib/digest.ts';

const type = 'application/vnd.holdfast.function';

/** A small function bundle as an OCI artifact, without the bundler. */
export function sampleArtifact(source = 'export default { message() {} };\n') {
  const contents = [
    { mediaType: `${type}.config.v1+json`, bytes: Buffer.from('{"kind":"module"}') },
    { mediaType: `${type}.module.v1+javascript`, bytes: Buffer.from(source) },
    {
      mediaType: `${type}.sourcemap.v1+json`,
      bytes: Buffer.from(`{"version":3,"sources":[${source.length}]}`),
    },
  ];
  const blobs = contents.map(({ bytes }) => ({ digest: digestOf(bytes), bytes }));
  const [config, ...layers] = contents.map(({ mediaType, bytes }) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  }));
  const document = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: `${type}.v1`,
    config,
    layers,
  };
  const manifest = Buffer.from(JSON.stringify(document));
  return { manifest, digest: digestOf(manifest), blobs };
}
