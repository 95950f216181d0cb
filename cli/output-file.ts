import { randomBytes } from 'node:crypto';
import { open, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { atomicWrite, renameDurably } from '../lib/atomic-write.ts';
import { errorCode } from '../lib/error-code.ts';
import { CliError } from './errors.ts';

type OutputPlace = {
  /** Absolute, behind links. */
  readonly path: string;
  /** A file, or nothing yet. Else a pipe, a terminal, `/dev/null`: to be written to, never to be replaced. */
  readonly isFile: boolean;
};

/** Where an output that a person named goes. Rejects with CliError 'invalidFile' for a folder, 'notFound' when it is in none. */
async function outputPlace(given: string): Promise<OutputPlace> {
  const path = resolve(given);
  const there = await orMissing(stat(path));
  if (there === undefined) {
    const end = await endOfLinks(path);
    const folder = dirname(end);
    if ((await orMissing(stat(folder)))?.isDirectory()) return { path: end, isFile: true };
    throw new CliError('notFound', `Cannot write ${given}: there is no folder ${folder}.`, {
      hint: 'Make the folder, or name another file.',
    });
  }
  if (there.isDirectory())
    throw new CliError('invalidFile', `Cannot write ${given}: it is a folder.`, { hint: 'Name a file.' });
  return there.isFile() ? { path: await realpath(path), isFile: true } : { path, isFile: false };
}

/** As many as Linux follows. */
const maxLinks = 40;

/** Where a link leads that leads to nothing yet, as `>` of a shell and curl follow it; another path is its own end. */
async function endOfLinks(path: string, left = maxLinks): Promise<string> {
  const target = left > 0 ? await readlink(path).catch(() => undefined) : undefined;
  return target === undefined ? path : endOfLinks(resolve(await realpath(dirname(path)), target), left - 1);
}

/** The path of a file that is written beside itself first. Rejects as `outputPlace` does, and with 'exists' for what is no file. */
export async function outputFile(given: string): Promise<string> {
  const { path, isFile } = await outputPlace(given);
  if (isFile) return path;
  throw new CliError('exists', `Cannot write ${given}: it exists and is no file.`, { hint: 'Name a file.' });
}

/** Writes `text` so that a file holds the one before or this one, whole. */
export async function writeOutput(
  given: string,
  text: string,
  { mode }: { mode?: number } = {},
): Promise<void> {
  const { path, isFile } = await outputPlace(given);
  if (isFile) await atomicWrite(path, text, { ...(mode !== undefined && { mode }) });
  else await writeFile(path, text);
}

/** Larger ones are not kept in memory to be put back: no file of ours is. */
const maxKeptBytes = 2 ** 20;

/** As `writeOutput`. Resolves with what puts back what was there before: a file, or none. What is no file stays as it was written to. */
export async function exchangeOutput(given: string, text: string): Promise<() => Promise<void>> {
  const { path, isFile } = await outputPlace(given);
  const size = isFile ? ((await orMissing(stat(path)))?.size ?? 0) : Infinity;
  const before = size <= maxKeptBytes ? await orMissing(readFile(path)) : undefined;
  await writeOutput(given, text);
  return async () => {
    if (before !== undefined) await atomicWrite(path, before);
    else if (isFile && size === 0) await rm(path, { force: true });
  };
}

/** The same of text that comes in pieces: the whole file appears under its name at once, or not at all. */
export async function streamOutput(
  given: string,
  text: AsyncIterable<string>,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const { path, isFile } = await outputPlace(given);
  const written = isFile ? `${path}.${randomBytes(6).toString('hex')}.tmp` : path;
  try {
    await using file = await open(written, isFile ? 'wx' : 'w', 0o644);
    for await (const chunk of text) await file.writeFile(chunk);
    signal.throwIfAborted();
    if (isFile) await file.sync();
  } catch (error) {
    if (isFile) await rm(written, { force: true });
    throw error;
  }
  if (!isFile) return;
  await renameDurably(written, path);
}

async function orMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
