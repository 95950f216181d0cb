import { describe, expect, test } from '@jest/globals';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { BlobTable } from '../blob-table.ts';
import type { BlobId, BlobType } from '../format/blob-id.ts';
import { BlobClaims, createBlobClaims } from './blob-claims.ts';

const idOf = (text: string) => hash('sha256', text, 'buffer');

describe('claiming blobs', () => {
  test('gives each id to the first who asks', () => {
    const claims = new BlobClaims(createBlobClaims(new BlobTable()));
    expect(claims.claim(idOf('a'))).toBe(true);
    expect(claims.claim(idOf('b'))).toBe(true);
    expect(claims.claim(idOf('a'))).toBe(false);
  });

  test('tells ids of one bucket apart by every bit', () => {
    const claims = new BlobClaims(createBlobClaims(new BlobTable()));
    const id = idOf('a');
    expect(claims.claim(id)).toBe(true);
    for (let bit = 32; bit < 256; bit += 1) {
      const other = Buffer.from(id);
      other.writeUInt8(other.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(claims.claim(other)).toBe(true);
      expect(claims.claim(other)).toBe(false);
    }
    expect(claims.claim(id)).toBe(false);
  });

  test('gives none that the index knows as data, however often that names it, and each other one once', () => {
    const table = new BlobTable();
    const add = (type: BlobType, texts: readonly string[]) => {
      const blobs = texts.map((text, at) => {
        const id = idOf(text).toString('hex') as BlobId;
        return { id, type, offset: at * 40, length: 40 };
      });
      table.add({ pack: idOf(texts.join()).toString('hex'), blobs });
    };
    add('data', ['a', 'b', 'a', 'c']);
    add('tree', ['d']);
    const claims = new BlobClaims(createBlobClaims(table));
    // What comes to the index later, claims do not know.
    add('data', ['e']);
    expect(['a', 'b', 'c'].map((text) => claims.claim(idOf(text)))).toEqual([false, false, false]);
    expect(['d', 'd', 'e'].map((text) => claims.claim(idOf(text)))).toEqual([true, false, true]);
  });

  test('gives no id to two threads that ask at the same time', async () => {
    const shared = createBlobClaims(new BlobTable());
    /** How many threads came to the end of a round, over all rounds; the round that is on. */
    const rounds = new Int32Array(new SharedArrayBuffer(8));
    const count = 100_000;
    const inRound = 500;
    const threads = [0, 1, 2].map(() => {
      // Round by round together: on a busy machine the first would otherwise be done before the last begins.
      const program = `
        import { hash } from 'node:crypto';
        import { parentPort, workerData } from 'node:worker_threads';
        const { module, shared, rounds, count, inRound } = workerData;
        const { BlobClaims } = await import(module);
        const claims = new BlobClaims(shared);
        const ids = Array.from({ length: count }, (_, n) => hash('sha256', String(n), 'buffer'));
        const mine = new Uint8Array(count);
        for (let round = 0; round * inRound < count; round++) {
          if (Atomics.add(rounds, 0, 1) === 3 * round + 2) {
            Atomics.store(rounds, 1, round + 1);
            Atomics.notify(rounds, 1);
          } else Atomics.wait(rounds, 1, round);
          for (let n = round * inRound; n < (round + 1) * inRound; n++) mine[n] = Number(claims.claim(ids[n]));
        }
        parentPort.postMessage(mine);
      `;
      const module = new URL('blob-claims.ts', import.meta.url).href;
      return new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
        workerData: { module, shared, rounds, count, inRound },
      });
    });
    const answers = threads.map((thread) => once(thread, 'message') as Promise<[Uint8Array]>);
    const claimed = (await Promise.all(answers)).map(([mine]) => mine);
    await Promise.all(threads.map((thread) => thread.terminate()));
    const owners = Array.from({ length: count }, (_, n) => claimed.filter((mine) => mine[n] === 1).length);
    expect(new Set(owners)).toEqual(new Set([1]));
    // Each had a part, or nothing was tried at the same time.
    expect(claimed.filter((mine) => mine.includes(1)).length).toBeGreaterThan(1);
  });
});
