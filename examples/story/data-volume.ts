import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { copyFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openPosix } from '../../lib/posix.ts';
import { dataFolder } from './weather.ts';

/** Of the files of the package, those up to this size are copied: sixty and more, some megabytes. */
const maxCopiedBytes = 400_000;
const days = 366;
const oddNames = ['naïve ☃', 'with "quotes" and \\', 'two\nlines', ' spaces ', '-rf', '*'];

/**
 * Fills a volume with what a gateway may have: data files of others, a file for each day of a year, and what copies tend to lose: odd
 * names, links, holes, times, modes, attributes.
 */
export async function fillVolume(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await copyData(join(folder, 'data'));
  for (let day = 0; day < days; day++) writeDay(folder, new Date(Date.UTC(2015, 0, 1 + day)));
  writeOddities(folder);
}

async function copyData(folder: string): Promise<void> {
  mkdirSync(folder);
  const source = dataFolder();
  for (const name of await readdir(source)) {
    const { size } = await stat(join(source, name));
    if (size <= maxCopiedBytes) await copyFile(join(source, name), join(folder, name));
  }
}

function writeDay(folder: string, day: Date): void {
  const [date = ''] = day.toISOString().split('T');
  const month = join(folder, 'recordings', date.slice(0, 4), date.slice(5, 7));
  mkdirSync(month, { recursive: true });
  const path = join(month, `${date}.log`);
  writeFileSync(path, `${date} no frost\n`.repeat(1 + ((day.getTime() / 86_400_000) % 40)));
  utimesSync(path, day, day);
}

function writeOddities(folder: string): void {
  const odd = join(folder, 'odd');
  mkdirSync(join(odd, 'empty'), { recursive: true });
  for (const name of oddNames) writeFileSync(join(odd, name), name);
  // A name that is no text.
  if (process.platform === 'linux')
    writeFileSync(Buffer.concat([Buffer.from(`${odd}/`), Buffer.from([0x6e, 0xff, 0xfe])]), 'bytes');
  writeFileSync(join(odd, 'nothing'), '');
  writeFileSync(join(odd, 'executable'), '#!/bin/sh\n', { mode: 0o755 });
  chmodSync(join(odd, 'executable'), 0o4755);
  writeFileSync(join(odd, 'with holes'), 'begin');
  truncateSync(join(odd, 'with holes'), 4 * 2 ** 20);
  linkSync(join(odd, 'with holes'), join(odd, 'the same'));
  symlinkSync('executable', join(odd, 'link'));
  symlinkSync('/nowhere/at all', join(odd, 'dangling'));
  lutimesSync(join(odd, 'dangling'), 1_000_000_000, 1_000_000_000.5);
  setAttribute(join(odd, 'nothing'));
  chmodSync(join(odd, 'empty'), 0o1700);
  utimesSync(join(odd, 'empty'), 1, 1);
}

/** Not every file system takes them. */
function setAttribute(path: string): void {
  try {
    openPosix()?.setAttribute(path, 'user.station', Buffer.from([0, 0xff, 0x68, 0x69]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
  }
}
