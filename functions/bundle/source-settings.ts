import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import { FunctionError } from '../function-error.ts';

const text = z.string().optional().catch(undefined);
const flag = z.boolean().optional().catch(undefined);

/** What esbuild is told of a tsconfig.json: all that says what the sources mean, and nothing that is a matter of the machine. */
const optionsSchema = z.object({
  jsx: text,
  jsxFactory: text,
  jsxFragmentFactory: text,
  jsxImportSource: text,
  experimentalDecorators: flag,
  useDefineForClassFields: flag,
  baseUrl: text,
  paths: z.record(z.string(), z.array(z.string())).optional().catch(undefined),
});
const fileSchema = z.object({
  extends: z.union([z.string(), z.array(z.string())]).optional(),
  compilerOptions: optionsSchema.optional(),
});

export type SourceSettings = z.infer<typeof optionsSchema>;

/** What was read of settings at one time. */
export type SettingsReading = {
  /** Every file that was looked for, there or not: what comes of them depends on nothing else. */
  readonly files: readonly string[];
  /** For esbuild's `tsconfigRaw`; FunctionError `buildFailed` for what cannot be read. */
  readonly outcome: SourceSettings | FunctionError;
};

type ReadFile = (file: string) => Promise<string | undefined>;
type PathsPlace = {
  /** Of the tsconfig.json that has the `paths`. */
  readonly pathsFolder?: string;
};

/** tsconfig.json files of one project, those that they extend among them. */
const maxFiles = 32;

/**
 * What the tsconfig.json of the project says of its sources. The project is the folder of the nearest package.json, without one that of
 * the entry; a tsconfig.json above it is the machine's and is not read.
 */
export async function readSourceSettings(entry: string): Promise<SettingsReading> {
  const files = new Set<string>();
  const read: ReadFile = (file) => {
    files.add(file);
    return readIfThere(file);
  };
  try {
    const settings = await settingsBeside(entry, read);
    // As tsc and bundlers for React take it: what is left as it is, is compiled by somebody else. `react` is the older way, by factory.
    const jsx = settings.jsx === 'react' ? 'react' : 'react-jsx';
    return { files: [...files], outcome: { ...settings, jsx } };
  } catch (error) {
    if (error instanceof FunctionError) return { files: [...files], outcome: error };
    throw error;
  }
}

async function settingsBeside(entry: string, read: ReadFile): Promise<SourceSettings> {
  for (const folder of await projectFolders(dirname(entry), read)) {
    const settings = await readProject(join(folder, 'tsconfig.json'), read);
    if (settings) return withPlaces(settings);
  }
  return {};
}

/** From that of the entry up to that of the package. */
async function projectFolders(first: string, read: ReadFile): Promise<string[]> {
  const folders = [first];
  for (let folder = first; ; folder = dirname(folder)) {
    if (folder !== first) folders.push(folder);
    if ((await read(join(folder, 'package.json'))) !== undefined) return folders;
    if (folder === dirname(folder)) return [first];
  }
}

/** With those that it extends. Packages of settings say nothing of what is read here. */
async function readProject(
  project: string,
  read: ReadFile,
): Promise<(SourceSettings & PathsPlace) | undefined> {
  let count = 0;
  const readWithBases = async (file: string): Promise<(SourceSettings & PathsPlace) | undefined> => {
    count += 1;
    if (count > maxFiles) throw tooMany(project, file);
    const content = await read(file);
    if (content === undefined) return undefined;
    const { extends: bases = [], compilerOptions = {} } = parseSettings(file, content);
    let settings: SourceSettings & PathsPlace = {};
    for (const base of [bases].flat()) {
      if (!base.startsWith('.') && !isAbsolute(base)) continue;
      const path = resolve(dirname(file), base.endsWith('.json') ? base : `${base}.json`);
      settings = { ...settings, ...(await readWithBases(path)) };
    }
    return { ...settings, ...ownSettings(dirname(file), compilerOptions) };
  };
  return readWithBases(project);
}

function tooMany(project: string, file: string): FunctionError {
  return new FunctionError(
    'buildFailed',
    `Cannot build with ${project}: what it extends is more than ${maxFiles - 1} files, ${file} the last of them`,
    { hint: 'See whether one of them extends itself.' },
  );
}

/** Without what is not said, so that what it extends is heard. */
function ownSettings(folder: string, options: SourceSettings): SourceSettings & PathsPlace {
  const { baseUrl, paths } = options;
  return {
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    ...(baseUrl !== undefined && { baseUrl: resolve(folder, baseUrl) }),
    ...(paths && { pathsFolder: folder }),
  };
}

/** As tsc does it: `paths` are relative to the `baseUrl` that holds in the end, else to the file that has them. */
function withPlaces({ pathsFolder = '', paths, ...rest }: SourceSettings & PathsPlace): SourceSettings {
  if (!paths) return rest;
  const base = rest.baseUrl ?? pathsFolder;
  const entries = Object.entries(paths).map(
    ([name, places]) => [name, places.map((place) => resolve(base, place))] as const,
  );
  return { ...rest, paths: Object.fromEntries(entries) };
}

const stringOrComment = /"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[^]*?\*\//g;
const stringOrComma = /"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g;
const keepStrings = (found: string) => (found.startsWith('"') ? found : '');

/** JSON with comments and commas before the end of a list, as tsc takes it. */
function parseSettings(file: string, content: string): z.infer<typeof fileSchema> {
  const json = content
    .replace(/^\uFEFF/, '')
    .replaceAll(stringOrComment, keepStrings)
    .replaceAll(stringOrComma, keepStrings);
  try {
    return fileSchema.parse(json.trim() === '' ? {} : JSON.parse(json));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : errorMessage(cause);
    throw new FunctionError('buildFailed', `Cannot build with ${file}: ${reason}`, {
      cause,
      hint: 'Correct it: `tsc --showConfig` says what it is read as.',
    });
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw new FunctionError('buildFailed', `Cannot read ${file}: ${errorMessage(error)}`, { cause: error });
  }
}
