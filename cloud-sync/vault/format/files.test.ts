import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { decodeBlob, encodeBlob } from './blob-codec.ts';
import { blobIdOf } from './blob-id.ts';
import { createConfig, decodeConfig, encodeConfig } from './config-file.ts';
import { decodeIndex, encodeIndex } from './index-file.ts';
import { decodeLock, encodeLock } from './lock-file.ts';
import { createMasterKey } from './master-key.ts';
import { Sealer } from './sealer.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot-file.ts';
import { decodeUnpacked, encodeUnpacked } from './unpacked-file.ts';

const sealer = new Sealer(createMasterKey());
const corrupt = expect.objectContaining({ code: 'corrupt' });
const sealedJson = (json: unknown) => sealer.seal(Buffer.from(JSON.stringify(json)));
const id = blobIdOf(Buffer.from('a'));
const pack = blobIdOf(Buffer.from('p'));

describe('a blob', () => {
  test('is compressed where that saves bytes, and comes back', () => {
    for (const plain of [Buffer.alloc(0), Buffer.from('x'), Buffer.from('abc '.repeat(1000))]) {
      for (const level of [0, 1, 3]) {
        const { sealed, ...lengths } = encodeBlob(sealer, plain, level);
        expect(lengths.uncompressedLength).toBe(plain.length > 1 && level > 0 ? plain.length : undefined);
        expect(decodeBlob(sealer, sealed, { id: blobIdOf(plain), ...lengths }).equals(plain)).toBe(true);
      }
    }
  });

  test('is refused in the place of another', () => {
    const { sealed } = encodeBlob(sealer, Buffer.from('b'), 3);
    expect(() => decodeBlob(sealer, sealed, { id })).toThrow(corrupt);
  });

  test('is refused when it has another length than the index says, and never grows beyond that', () => {
    const plain = Buffer.alloc(100_000);
    const { sealed } = encodeBlob(sealer, plain, 3);
    for (const uncompressedLength of [0, 99_999, 100_001, 2 ** 32 - 1]) {
      expect(() => decodeBlob(sealer, sealed, { id: blobIdOf(plain), uncompressedLength })).toThrow(corrupt);
    }
    const noZstd = sealer.seal(Buffer.from('no zstd'));
    expect(() => decodeBlob(sealer, noZstd, { id, uncompressedLength: 7 })).toThrow(corrupt);
  });
});

describe('a file of JSON', () => {
  test('comes back from both versions of the format, and version 1 is plain', () => {
    const value = { a: [1, 'é'] };
    expect(decodeUnpacked(sealer, encodeUnpacked(sealer, value), { maxBytes: 99 })).toEqual(value);
    const first = encodeUnpacked(sealer, value, 1);
    expect(sealer.open(first).toString()).toBe(JSON.stringify(value));
    expect(decodeUnpacked(sealer, first, { maxBytes: 99 })).toEqual(value);
  });

  test('is refused when it is larger than allowed, compressed or not', () => {
    const value = 'a'.repeat(1000);
    expect(decodeUnpacked(sealer, encodeUnpacked(sealer, [value]), { maxBytes: 1004 })).toEqual([value]);
    for (const version of [1, 2] as const) {
      const bytes = encodeUnpacked(sealer, [value], version);
      expect(() => decodeUnpacked(sealer, bytes, { maxBytes: 1003 })).toThrow(corrupt);
    }
  });

  test('is refused when its encoding is unknown, its zstd or its JSON damaged', () => {
    const json = zstdCompressSync(Buffer.from('{}'));
    const plains = [[], [3], [2], [2, 1, 2], [0x7b], [2, ...json.subarray(0, -1)]];
    for (const plain of [...plains.map((bytes) => Buffer.from(bytes))]) {
      expect(() => decodeUnpacked(sealer, sealer.seal(plain), { maxBytes: 99 })).toThrow(corrupt);
    }
  });
});

describe('the config', () => {
  test('of a new repository comes back, uncompressed as restic wants it', () => {
    const config = createConfig();
    const bytes = encodeConfig(sealer, config);
    expect(decodeConfig(sealer, bytes)).toEqual(config);
    expect(JSON.parse(sealer.open(bytes).toString())).toMatchObject({ version: 2, id: config.id });
  });

  test('of another version, without an id or with a polynomial that restic refuses is refused', () => {
    const good = { version: 2, id, chunker_polynomial: '25b468838dcb75' };
    expect(decodeConfig(sealer, sealedJson({ ...good, more: 1 }))).toMatchObject({ version: 2, id });
    for (const bad of [{ version: 3 }, { id: 'x' }, { chunker_polynomial: '25b468838dcb74' }]) {
      expect(() => decodeConfig(sealer, sealedJson({ ...good, ...bad }))).toThrow(corrupt);
    }
    expect(() => decodeConfig(sealer, sealer.seal(Buffer.from('{')))).toThrow(corrupt);
  });
});

describe('an index', () => {
  const blobs = [
    { id, type: 'data', offset: 0, length: 40 },
    { id: pack, type: 'tree', offset: 40, length: 50, uncompressedLength: 99 },
  ] as const;

  test('comes back', () => {
    const document = { packs: [{ pack, blobs }], supersedes: [id] };
    expect(decodeIndex(sealer, encodeIndex(sealer, document).bytes)).toEqual(document);
    expect(decodeIndex(sealer, sealedJson({ packs: null }))).toEqual({ packs: [], supersedes: [] });
  });

  test('is refused when it names what cannot be', () => {
    const blob = { id, type: 'data', offset: 0, length: 40 };
    const ofBlob = (change: object) => ({ packs: [{ id: pack, blobs: [{ ...blob, ...change }] }] });
    const bad = [
      { packs: {} },
      { packs: [null] },
      { packs: [{ id: '../../x', blobs: [] }] },
      { packs: [], supersedes: ['x'] },
      ofBlob({ id: pack.toUpperCase() }),
      ofBlob({ type: 'door' }),
      ofBlob({ offset: -1 }),
      ofBlob({ length: 31 }),
      ofBlob({ length: 40.5 }),
      ofBlob({ offset: 2 ** 32 - 1 }),
      ofBlob({ uncompressed_length: 2 ** 31 }),
    ];
    for (const json of bad) expect(() => decodeIndex(sealer, sealedJson(json))).toThrow(corrupt);
  });
});

describe('a snapshot', () => {
  const document = {
    time: '2026-11-21T18:23:53.899760506Z',
    tree: id,
    paths: ['/srv/data'],
    hostname: 'h',
    username: 'u',
    uid: 1,
    gid: 2,
    parent: pack,
    original: id,
    tags: ['t'],
    excludes: ['*.tmp'],
    programVersion: 'holdfast 1',
  };

  test('comes back, also with little in it', () => {
    expect(decodeSnapshot(sealer, encodeSnapshot(sealer, document).bytes)).toEqual(document);
    const { parent: _p, original: _o, programVersion: _v, ...less } = { ...document, tags: [], excludes: [] };
    expect(decodeSnapshot(sealer, encodeSnapshot(sealer, less, 1).bytes)).toEqual(less);
    const least = { time: document.time, tree: id, paths: null };
    expect(decodeSnapshot(sealer, sealedJson(least))).toMatchObject({
      paths: [],
      hostname: '',
      uid: 0,
      tags: [],
    });
  });

  test('is refused without a tree or with a time that is none', () => {
    for (const bad of [{ tree: 'x' }, { time: 'yesterday' }, { paths: '/x' }, { uid: -1 }]) {
      const json = { time: document.time, tree: id, paths: [], ...bad };
      expect(() => decodeSnapshot(sealer, sealedJson(json))).toThrow(corrupt);
    }
  });
});

test('a lock comes back, and is refused when it says no time', () => {
  const lock = {
    time: '2026-11-21T18:23:53.8+01:00',
    exclusive: true,
    hostname: 'h',
    username: 'u',
    pid: 5,
    uid: 0,
    gid: 0,
  };
  expect(decodeLock(sealer, encodeLock(sealer, lock).bytes)).toEqual(lock);
  expect(() => decodeLock(sealer, sealedJson({ ...lock, time: 'now' }))).toThrow(corrupt);
});
