import { existsSync, statSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { version } from '../../lib/version.ts';
import { v8Flags } from '../host/v8-flags.ts';

/** Files of a host process: its entry, the script that runs first inside isolates, and the script's start-up snapshot. */
export type HostProgram = { readonly entry: string; readonly script: string; readonly snapshot: string };

const cache = join(import.meta.dirname, '../../node_modules/.cache/holdfast');
// The folder too: packages may come from another checkout, by a copy, with what was built from the sources there.
const maker = JSON.stringify([version, process.version, process.arch, v8Flags, import.meta.dirname]);
const recordSchema = z.strictObject({
  maker: z.string(),
  /** Size and time of each file that they were made of, by path. */
  inputs: z.record(z.string(), z.string()),
  files: z.strictObject({ entry: z.string(), script: z.string(), snapshot: z.string() }),
});

/** For programs that run from sources: what hosts are started with, in a cache beside the packages, and made when a source is another. */
export async function cachedHost(): Promise<HostProgram> {
  const record = join(cache, `host-${process.version}-${process.arch}.json`);
  const known = await readRecord(record);
  if (known) return known;
  const { buildHost } = await import('./build-host.ts');
  const { put } = await import('./build-inside.ts');
  await mkdir(cache, { recursive: true });
  const startedMs = Date.now();
  const { files, inputs } = await buildHost(cache);
  // A source that is being written was perhaps read as it was before.
  const isSettled = inputs.every((path) => statSync(path).mtimeMs < startedMs);
  const stamps = Object.fromEntries(inputs.map((path) => [path, stampOf(path)]));
  if (isSettled) await put(record, JSON.stringify({ maker, inputs: stamps, files }));
  return files;
}

async function readRecord(path: string): Promise<HostProgram | undefined> {
  const { data } = recordSchema.safeParse(await readJson(path));
  if (data?.maker !== maker || !Object.values(data.files).every((file) => existsSync(file))) return undefined;
  const isSame = Object.entries(data.inputs).every(([input, stamp]) => stampOf(input) === stamp);
  return isSame ? data.files : undefined;
}

/** What is no JSON is made anew like what is not there. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function stampOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.size} bytes, ${stats.mtimeNs} ns` : 'not there';
}
