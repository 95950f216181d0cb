import { execFile } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { RunOptions } from '../main.ts';
import { filesBelow } from './files-below.ts';

/** What a Debian machine is made of: programs, pictures, texts; many small files and some large ones. */
const usual = ['/usr/lib/x86_64-linux-gnu', '/usr/share'];
const small = ['/usr/share/zoneinfo', '/usr/share/perl'];
const readBytes = 1024 * 1024;

export type DataSet = { readonly folder: string; readonly files: readonly string[]; readonly bytes: number };

/** Copies what is to be snapshotted into `folder`, which must not be there: what it was copied from is never changed. */
export async function copyData(folder: string, { quick, data }: RunOptions): Promise<DataSet> {
  const sources = data === undefined ? (quick ? small : usual) : [resolve(data)];
  const missing = sources.filter((source) => !existsSync(source));
  if (missing.length > 0)
    throw new Error(`There is no ${missing.join(' and no ')} to snapshot. Name another folder with --data.`);
  await mkdir(folder);
  await promisify(execFile)('cp', ['--archive', '--target-directory', folder, ...sources]);
  return warm(folder);
}

/** Reads every file once, so that the first to work on it finds it in memory like the others. Nothing else goes on meanwhile. */
export function warm(folder: string): DataSet {
  const files = filesBelow(folder);
  const buffer = Buffer.allocUnsafe(readBytes);
  let bytes = 0;
  for (const file of files) {
    const descriptor = openSync(file, 'r');
    try {
      for (let read; (read = readSync(descriptor, buffer)) > 0;) bytes += read;
    } finally {
      closeSync(descriptor);
    }
  }
  return { folder, files, bytes };
}
