import { appendFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { LogEvent } from '../../lib/logger.ts';
import { LogJournal } from './log-journal.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-journal-'));
});
afterEach(() => rm(folder, { recursive: true }));

const numbered = (count: number) =>
  ({ time: '2026-01-01T00:00:00Z', level: 'info', event: 'e', count }) as const;
const countsIn = (journal: LogJournal) => journal.recent({ lines: 10 }).map(({ count }) => count);

test('the newest events are there after a restart and a rotation, without a line that was torn', async () => {
  const path = join(folder, 'agent.jsonl');
  {
    await using journal = await LogJournal.open({ folder });
    journal.write(numbered(1));
  }
  await rename(path, `${path}.1`);
  {
    await using journal = await LogJournal.open({ folder });
    journal.write(numbered(2));
  }
  await appendFile(path, '{"time":"2026-');
  await using journal = await LogJournal.open({ folder });
  journal.write(numbered(3));
  expect(countsIn(journal)).toEqual([1, 2, 3]);
});

test('of a long file only the end is read, from the first whole line', async () => {
  const line = `${JSON.stringify({ ...numbered(0), text: 'x'.repeat(4000) })}\n`;
  await appendFile(join(folder, 'agent.jsonl'), line.repeat(400));
  await using journal = await LogJournal.open({ folder });
  const { length } = journal.recent({ lines: 2000 });
  expect(length).toBe(Math.floor(2 ** 20 / line.length));
});

test('lines that the disk did not take go with the next ones', async () => {
  await using journal = await LogJournal.open({ folder });
  await rm(folder, { recursive: true });
  journal.write(numbered(1));
  await journal[Symbol.asyncDispose]();
  await mkdir(folder);
  journal.write(numbered(2));
  await journal[Symbol.asyncDispose]();
  const lines = (await readFile(join(folder, 'agent.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { count: number }).count)).toEqual([1, 2]);
});

test('a log that is full of what the disk did not take goes on when it takes it again', async () => {
  await using journal = await LogJournal.open({ folder });
  await rm(folder, { recursive: true });
  const long = { ...numbered(1), text: 'x'.repeat(4000) };
  for (let count = 0; count < 1100; count++) journal.write(long);
  await journal[Symbol.asyncDispose]();
  await mkdir(folder);
  journal.write(long);
  while ((await linesOf()).length < 1000) await sleep(50);
  const lines = await linesOf();
  const [last] = lines.slice(-1);
  expect(last).toMatchObject({ event: 'log.dropped', count: 1102 - lines.length });
});

/** None while one is being written. */
async function linesOf(): Promise<LogEvent[]> {
  const text = await readFile(join(folder, 'agent.jsonl'), 'utf8').catch(() => '');
  if (!text.endsWith('\n')) return [];
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogEvent);
}
