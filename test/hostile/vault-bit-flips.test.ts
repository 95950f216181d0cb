import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeBlob } from '../../cloud-sync/vault/format/blob-codec.ts';
import { decodeConfig } from '../../cloud-sync/vault/format/config-file.ts';
import { decodeIndex } from '../../cloud-sync/vault/format/index-file.ts';
import { parseKeyFile, unwrapKey, wrapKey } from '../../cloud-sync/vault/format/key-file.ts';
import { decodeLock, encodeLock } from '../../cloud-sync/vault/format/lock-file.ts';
import { masterKeyBytes } from '../../cloud-sync/vault/format/master-key.ts';
import { Sealer } from '../../cloud-sync/vault/format/sealer.ts';
import { decodeSnapshot } from '../../cloud-sync/vault/format/snapshot-file.ts';
import { createRepository, openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { checkRepository } from '../../cloud-sync/vault/upkeep/check.ts';
import { verifyPack } from '../../cloud-sync/vault/upkeep/verify-pack.ts';
import { fillRepository } from '../support/fill-repository.ts';
import { MemoryBackend } from '../support/memory-backend.ts';

const signal = AbortSignal.timeout(600_000);
const password = 'for tests';
/** As cheap as scrypt can be: a key file has some thousand bits. */
const cost = { N: 2, r: 1, p: 1 };

const backend = new MemoryBackend();
let repository: Repository;
let sealer: Sealer;

beforeAll(async () => {
  repository = await createRepository(backend, {
    keys: async (key) => [await wrapKey(key, password, { cost, user: 'u', host: 'h' })],
    signal,
  });
  sealer = new Sealer(repository.key);
  await fillRepository(repository, {
    one: 'one '.repeat(30),
    sub: { two: 'two', more: ['one', 'two', 'three'] },
  });
  const holder = { hostname: 'elsewhere', username: 'u', pid: 1, uid: 0, gid: 0 };
  const lock = encodeLock(sealer, { time: new Date().toISOString(), exclusive: false, ...holder });
  await backend.write('locks', lock.name, lock.bytes);
});

/** Every file of a kind with each of its bits flipped, one at a time. */
function* flips(
  type: string,
): Generator<{ readonly name: string; readonly bytes: Buffer; readonly bit: number }> {
  for (const [key, { bytes }] of backend.files) {
    if (!key.startsWith(`${type}/`)) continue;
    for (let bit = 0; bit < bytes.byteLength * 8; bit += 1) {
      yield { name: key.slice(type.length + 1), bytes: flipped(bytes, bit), bit };
    }
  }
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** How many flips there were, and those for which `sees` does not hold. */
function missed(
  type: string,
  sees: (name: string, bytes: Buffer) => boolean,
): { all: number; unseen: string[] } {
  let all = 0;
  const unseen: string[] = [];
  for (const { name, bytes, bit } of flips(type)) {
    all += 1;
    if (!sees(name, bytes)) unseen.push(`bit ${bit} of ${type}/${name}`);
  }
  return { all, unseen };
}

function isRefused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'corrupt';
  }
}

describe('every single flipped bit of a small repository', () => {
  it.each<[string, (bytes: Buffer) => unknown]>([
    ['config', (bytes) => decodeConfig(sealer, bytes)],
    ['index', (bytes) => decodeIndex(sealer, bytes)],
    ['snapshots', (bytes) => decodeSnapshot(sealer, bytes)],
    ['locks', (bytes) => decodeLock(sealer, bytes)],
  ])('in %s makes the file unreadable', (type, decode) => {
    const { all, unseen } = missed(type, (_name, bytes) => isRefused(() => decode(bytes)));
    expect(unseen).toEqual([]);
    expect(all).toBeGreaterThan(1_000);
  });

  it('in a pack is found, and no blob is ever read as anything else than it was [G8]', async () => {
    const packs = new Map(
      [...(await repository.index({ signal })).packs()].map(({ pack, blobs }) => [pack, blobs]),
    );
    const wrong: string[] = [];
    const { all, unseen } = missed('data', (name, bytes) => {
      const indexed = packs.get(name) ?? [];
      const verdict = verifyPack(sealer, { name, bytes, indexed });
      const original = backend.files.get(`data/${name}`)?.bytes ?? Buffer.alloc(0);
      for (const blob of indexed) {
        const part = (whole: Buffer) => whole.subarray(blob.offset, blob.offset + blob.length);
        const touched = !part(bytes).equals(part(original));
        if (touched !== isRefused(() => decodeBlob(sealer, part(bytes), blob))) wrong.push(blob.id);
      }
      return verdict.problems.length > 0;
    });
    expect([unseen, wrong]).toEqual([[], []]);
    expect(all).toBeGreaterThan(5_000);
  });

  it('in a key file never opens another key', async () => {
    const expected = masterKeyBytes(repository.key);
    let [opened, refused] = [0, 0];
    for (const { bytes } of flips('keys')) {
      // A flip in its costs may make it dear: that they are bounded is tested elsewhere.
      const key = isCheap(bytes) ? await unwrapKey(bytes, password).catch(() => null) : null;
      if (key === null) refused += 1;
      else opened += 1;
      if (key !== null) expect(masterKeyBytes(key).equals(expected)).toBe(true);
    }
    // Names and dates are not authenticated; the check finds those by the name of the file.
    expect(refused).toBeGreaterThan(opened);
    expect(opened).toBeGreaterThan(0);
  });

  it('is named by the check: one bit of every eighth byte of every file', async () => {
    for (const name of backend.names('locks')) backend.files.delete(`locks/${name}`);
    const unseen: string[] = [];
    let all = 0;
    for (const [key, { bytes, receivedMs }] of [...backend.files]) {
      if (key.startsWith('config')) continue;
      for (let byte = 0; byte < bytes.byteLength; byte += 8) {
        all += 1;
        const copy = backend.copy();
        copy.files.set(key, { bytes: flipped(bytes, byte * 8 + (all % 8)), receivedMs });
        const opened = await openRepositoryWithKey(copy, { key: repository.key, signal });
        const { damages } = await checkRepository(opened, { readData: true, signal });
        if (!damages.some(({ name }) => key.endsWith(`/${name}`))) unseen.push(`byte ${byte} of ${key}`);
      }
    }
    expect(unseen).toEqual([]);
    expect(all).toBeGreaterThan(200);
  }, 60_000);
});

/** Whether a key file can be read, and is not dear to derive. */
function isCheap(bytes: Buffer): boolean {
  try {
    const { N, r, p } = parseKeyFile(bytes);
    return N * r * p <= 1_024;
  } catch {
    return false;
  }
}
