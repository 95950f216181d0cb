import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OutputReader } from '../../agent/apps/run/output-reader.ts';
import type { AppLine } from '../../agent/apps/ports.ts';
import { openPosix, type Posix } from '../../lib/posix.ts';

let folder = '';
let lines: AppLine[] = [];
let now = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-output-'));
  lines = [];
  now = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function reader(posix: Posix | undefined): OutputReader {
  const options = { folder, app: 'web', instance: 'web-1', posix, now: () => now };
  return new OutputReader({ ...options, onLine: (line) => lines.push(line) });
}

const texts = () => lines.map(({ text }) => text);
const out = (text: string) => appendFileSync(join(folder, 'out'), text);
const mebi = 2 ** 20;

test('the next agent goes on where the last one was, and a half line is given once, whole', () => {
  const first = reader(openPosix());
  out('one\ntwo\nhal');
  first.look();
  first.close();
  out('f\nfour\n');
  const second = reader(openPosix());
  second.look();
  second.finish();
  expect(texts()).toEqual(['one', 'two', 'half', 'four']);
});

test('lines over the rate are counted, and later ones come again', () => {
  const first = reader(openPosix());
  out('line\n'.repeat(5000));
  first.look();
  expect(texts().slice(0, 2000)).toEqual(Array.from({ length: 2000 }, () => 'line'));
  expect(texts().slice(2000)).toEqual([
    'holdfast: dropped 3000 lines of output: more than 2000 lines in 10 s',
  ]);
  now = 10_000;
  out('again\n');
  first.look();
  expect(texts().at(-1)).toBe('again');
  first.close();
});

test('who is far behind skips to what is near', () => {
  out(`${'x'.repeat(16_383)}\n`.repeat(4096));
  out('last\n');
  now = 1;
  const late = reader(openPosix());
  late.finish();
  expect(texts().at(-2)).toBe('last');
  const [, bytes] = /^holdfast: dropped (\d+) bytes of output/.exec(texts().at(-1) ?? '') ?? [];
  expect(Number(bytes)).toBeGreaterThan(40 * mebi);
  expect(Number(bytes)).toBeLessThan(64 * mebi);
});

const allocated = () => statSync(join(folder, 'out')).blocks * 512;

test('space of what was read is given back, with a hole and without one', () => {
  for (const posix of [openPosix(), undefined]) {
    rmSync(join(folder, 'read.json'), { force: true });
    writeFileSync(join(folder, 'out'), '');
    const some = reader(posix);
    for (let round = 0; round < 8; round += 1) {
      out(`${'x'.repeat(8191)}\n`.repeat(256));
      // So that none is over the rate.
      now += 60_000;
      some.look();
      expect(allocated()).toBeLessThan(4 * mebi);
    }
    now += 60_000;
    out('end\n');
    some.finish();
    expect(texts().filter((text) => text.length === 8191)).toHaveLength(8 * 256);
    expect(texts().at(-1)).toBe('end');
    lines = [];
  }
});

test('an app that cuts its own output is read from the start again', () => {
  const some = reader(openPosix());
  out('before\n');
  some.look();
  truncateSync(join(folder, 'out'), 0);
  some.look();
  out('after\n');
  some.look();
  expect(texts()).toEqual(['before', 'after']);
  some.close();
});
