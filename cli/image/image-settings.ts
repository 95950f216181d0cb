import { join } from 'node:path';
import {
  imageFileName,
  imageFileSchema,
  readImageFile,
  type ImageFile,
} from '../../cloud-sync/oci/image/image-file.ts';
import { formatProblems } from '../../manifests/index.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import type { Run } from '../run.ts';
import type { SettingFlags } from './setting-flags.ts';

const maxBytes = 2 ** 20;
const ignoreFileName = '.holdfastignore';

/** What the file in the folder says, or that of `--file`, and over it what flags say. */
export async function imageSettings(run: Run, folder: string, flags: SettingFlags): Promise<ImageFile> {
  const fromFile = await readSettings(run, folder, flags.file);
  const { entrypoint, cmd, workdir, user, stopSignal } = flags;
  const merged = {
    ...fromFile,
    ...withoutUndefined({ entrypoint, cmd, workdir, user, stopSignal }),
    ...merge('env', fromFile.env, flags.env),
    ...merge('labels', fromFile.labels, flags.label),
    ...(flags.port.length > 0 && { ports: flags.port }),
    ...(flags.layer.length > 0 && { layers: flags.layer }),
  };
  const result = imageFileSchema.safeParse(merged);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new CliError(
    'usage',
    `The image's ${issue?.path.join('.') ?? ''} must be ${issue?.message ?? 'valid'}.`,
  );
}

/** Patterns of `.holdfastignore`, and the two files that are for the build alone. */
export async function buildExcludes(run: Run, folder: string, more: readonly string[]): Promise<string[]> {
  const text = await readIfThere(run, join(folder, ignoreFileName), 'ignore file');
  return [...(text ?? '').split(/\r?\n/), ...more, `/${imageFileName}`, `/${ignoreFileName}`];
}

async function readSettings(run: Run, folder: string, file: string | undefined): Promise<ImageFile> {
  const path = file ?? join(folder, imageFileName);
  const text =
    file === undefined
      ? await readIfThere(run, path, 'image file')
      : await readInput(run.io, path, { what: 'image file', maxBytes });
  const read = readImageFile(text ?? '');
  if (read.ok) return read.value;
  throw new CliError('invalidFile', `The image file ${path} is not valid.`, {
    details: formatProblems(read.problems, path).split('\n'),
    hint: 'Correct it; docs/cli.md shows what it may say.',
  });
}

async function readIfThere(run: Run, path: string, what: string): Promise<string | undefined> {
  try {
    return await readInput(run.io, path, { what, maxBytes });
  } catch (error) {
    if (error instanceof CliError && error.code === 'notFound') return undefined;
    throw error;
  }
}

function merge(key: 'env' | 'labels', under: ImageFile['env'], over: Readonly<Record<string, string>>) {
  const both = { ...under, ...over };
  return Object.keys(both).length === 0 ? {} : { [key]: both };
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
