import { stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { z } from 'zod';
import { CliError } from './errors.ts';
import { readInput } from './files.ts';
import type { Io } from './io.ts';

const entryNames = ['index.ts', 'index.tsx', 'index.mts', 'index.js', 'index.jsx', 'index.mjs'];
const packageSchema = z.object({ main: z.string().min(1).max(1024).optional() });
const packageMaxBytes = 2 ** 20;

/** The entry file of a function: `source` itself, or of a folder the `main` of its package.json, else its index file. */
export async function findEntry(io: Io, source: string): Promise<string> {
  const path = resolve(source);
  const kind = await kindOf(path);
  if (kind === 'file') return path;
  if (kind !== 'folder') {
    throw new CliError('notFound', `There is no function at ${source}: no such file or folder.`);
  }
  const main = await mainOf(io, path);
  if (main !== undefined && (await kindOf(main)) === 'file') return main;
  for (const name of entryNames) {
    if ((await kindOf(join(path, name))) === 'file') return join(path, name);
  }
  const tried = [...(main === undefined ? [] : [main]), ...entryNames];
  throw new CliError('notFound', `There is no function in ${source}: it holds none of ${tried.join(', ')}.`, {
    hint: 'Name the file that exports the handler.',
  });
}

/** `./src/to-celsius.ts`, `./to-celsius/` and `./to-celsius/index.ts` are all `to-celsius`. */
export function nameOfSource(source: string): string {
  const path = resolve(source);
  const name = basename(path, extname(path));
  return (name === 'index' ? basename(resolve(path, '..')) : name).toLowerCase();
}

async function mainOf(io: Io, folder: string): Promise<string | undefined> {
  const file = join(folder, 'package.json');
  if ((await kindOf(file)) !== 'file') return undefined;
  const parsed = packageSchema.safeParse(
    parseJson(file, await readInput(io, file, { what: 'package.json', maxBytes: packageMaxBytes })),
  );
  const main = parsed.success ? parsed.data.main : undefined;
  return main === undefined ? undefined : resolve(folder, main);
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError('invalidFile', `${file} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return 'file';
  return found?.isDirectory() ? 'folder' : undefined;
}
