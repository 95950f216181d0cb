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

const maxExtends = 8;

/**
 * What the tsconfig.json of the project says of its sources, for esbuild's `tsconfigRaw`. The project is the folder of the nearest
 * package.json, without one that of the entry; a tsconfig.json above it is the machine's and is not read. Rejects with FunctionError
 * `buildFailed` for one that cannot be read.
 */
export async function sourceSettings(entry: string): Promise<SourceSettings> {
  const settings = await settingsBeside(entry);
  // As tsc and bundlers for React take it: what is left as it is, is compiled by somebody else. `react` is the older way, by factory.
  const jsx = settings.jsx === 'react' ? 'react' : 'react-jsx';
  return { ...settings, jsx };
}

async function settingsBeside(entry: string): Promise<SourceSettings> {
  for (const folder of await projectFolders(dirname(entry))) {
    const settings = await readSettings(join(folder, 'tsconfig.json'), maxExtends);
    if (settings) return settings;
  }
  return {};
}

/** From that of the entry up to that of the package. */
async function projectFolders(first: string): Promise<string[]> {
  const folders = [first];
  for (let folder = first; ; folder = dirname(folder)) {
    if (folder !== first) folders.push(folder);
    if ((await readIfThere(join(folder, 'package.json'))) !== undefined) return folders;
    if (folder === dirname(folder)) return [first];
  }
}

/** With those that it extends, whose relative paths are their own. Packages of settings say nothing of what is read here. */
async function readSettings(file: string, left: number): Promise<SourceSettings | undefined> {
  const content = await readIfThere(file);
  if (content === undefined) return undefined;
  const { extends: bases = [], compilerOptions = {} } = parseSettings(file, content);
  let settings: SourceSettings = {};
  for (const base of [bases].flat()) {
    const isFile = base.startsWith('.') || isAbsolute(base);
    if (!isFile || left === 0) continue;
    const path = resolve(dirname(file), base.endsWith('.json') ? base : `${base}.json`);
    settings = { ...settings, ...(await readSettings(path, left - 1)) };
  }
  return { ...settings, ...withOwnPaths(dirname(file), compilerOptions) };
}

function withOwnPaths(folder: string, { baseUrl, paths, ...rest }: SourceSettings): SourceSettings {
  const base = baseUrl === undefined ? folder : resolve(folder, baseUrl);
  const entries = Object.entries(paths ?? {}).map(([name, places]) => [
    name,
    places.map((place) => resolve(base, place)),
  ]);
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(baseUrl !== undefined && { baseUrl: base }),
    ...(paths && { paths: Object.fromEntries(entries) as Record<string, string[]> }),
  };
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
