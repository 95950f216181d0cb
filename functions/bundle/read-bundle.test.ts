import { describe, expect, test } from '@jest/globals';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { bundleLimits, mediaTypes } from './format.ts';
import { readBundle } from './read-bundle.ts';

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const config = { version: 1, shape: 'module', exports: ['default'] };

const wasm = bytesOf('any bytes');
const wasmLayer = { mediaType: mediaTypes.wasm, digest: digestOf(wasm), size: wasm.byteLength };
const withFiles = (...names: string[]) => ({
  ...config,
  version: 2,
  files: names.map((name) => ({ name, type: 'wasm' })),
});

type Change = {
  manifest?: object;
  config?: unknown;
  code?: unknown;
  layers?: (layers: object[]) => object[];
};

function bundle(change: Change = {}) {
  const blobs = new Map<Digest, Uint8Array>([[wasmLayer.digest, wasm]]);
  const put = (mediaType: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const code = change.code instanceof Uint8Array ? change.code : bytesOf(change.code ?? 'export default {}');
  const layers = [put(mediaTypes.module, code), put(mediaTypes.sourceMap, bytesOf('{}'))];
  const manifest = bytesOf({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: mediaTypes.artifact,
    config: put(mediaTypes.config, bytesOf(change.config ?? config)),
    layers: change.layers ? change.layers(layers) : layers,
    ...change.manifest,
  });
  return { manifest, digest: digestOf(manifest), blobs };
}

function read({ manifest, digest, blobs }: ReturnType<typeof bundle>) {
  return readBundle({
    manifest,
    digest,
    readBlob: (wanted) => Promise.resolve(blobs.get(wanted) ?? new Uint8Array(0)),
  });
}

describe('readBundle', () => {
  test('a whole bundle gives its code, map and config', async () => {
    expect(await read(bundle())).toMatchObject({ code: 'export default {}', sourceMap: '{}', config });
  });

  test('a bundle with files gives each under its name', async () => {
    const whole = bundle({ config: withFiles('./a.wasm'), layers: (layers) => [...layers, wasmLayer] });
    expect((await read(whole)).files).toEqual([{ name: './a.wasm', type: 'wasm', bytes: wasm }]);
    expect((await read(bundle())).files).toEqual([]);
  });

  test('every flipped bit of the code and of the manifest is found [G8]', async () => {
    const good = bundle();
    const module = [...good.blobs].find(([, bytes]) => Buffer.from(bytes).toString().startsWith('export'))!;
    for (let bit = 0; bit < module[1].byteLength * 8; bit++) {
      const broken = new Uint8Array(module[1]);
      broken[bit >> 3]! ^= 1 << (bit & 7);
      const blobs = new Map([...good.blobs, [module[0], broken] as const]);
      await expect(read({ ...good, blobs })).rejects.toMatchObject({ code: 'badBundle' });
    }
    for (let bit = 0; bit < good.manifest.byteLength * 8; bit += 7) {
      const manifest = Buffer.from(good.manifest);
      manifest[bit >> 3]! ^= 1 << (bit & 7);
      await expect(read({ ...good, manifest })).rejects.toMatchObject({ code: 'badBundle' });
    }
  });

  test.each<[string, Change]>([
    ['an artifact of another type', { manifest: { artifactType: 'application/vnd.other' } }],
    ['no layer', { layers: () => [] }],
    ['layers the other way round', { layers: (layers) => layers.toReversed() }],
    ['a layer that the config does not name', { layers: (layers) => [...layers, wasmLayer] }],
    ['a file of the config without a layer', { config: withFiles('./a.wasm') }],
    [
      'a file under another type',
      {
        config: withFiles('./a.wasm'),
        layers: (layers) => [...layers, { ...wasmLayer, mediaType: mediaTypes.data }],
      },
    ],
    [
      'two files of one name',
      { config: withFiles('./a.wasm', './a.wasm'), layers: (layers) => [...layers, wasmLayer, wasmLayer] },
    ],
    [
      'a file that is named out of its folder',
      { config: withFiles('./../a.wasm'), layers: (layers) => [...layers, wasmLayer] },
    ],
    [
      'files over the bound',
      {
        config: withFiles('./a.wasm'),
        layers: (layers) => [...layers, { ...wasmLayer, size: bundleLimits.fileBytes + 1 }],
      },
    ],
    ['a size that is not so', { layers: ([module]) => [{ ...module, size: 3 }] }],
    ['a size over the bound', { layers: ([module]) => [{ ...module, size: bundleLimits.codeBytes + 1 }] }],
    ['a config of another version', { config: { ...config, version: 3 } }],
    ['a config that is not JSON', { config: '{' }],
    ['code that is not UTF-8', { code: new Uint8Array([0xff, 0xfe]) }],
  ])('%s is refused', async (_what, change) => {
    await expect(read(bundle(change))).rejects.toMatchObject({ code: 'badBundle' });
  });

  test('no more is asked for than the manifest says', async () => {
    const { manifest, digest, blobs } = bundle();
    const asked: [Digest, number][] = [];
    await readBundle({
      manifest,
      digest,
      readBlob(wanted, maxBytes) {
        asked.push([wanted, maxBytes]);
        return Promise.resolve(blobs.get(wanted)!);
      },
    });
    expect(asked.map(([wanted, maxBytes]) => blobs.get(wanted)!.byteLength - maxBytes)).toEqual([0, 0, 0]);
  });
});
