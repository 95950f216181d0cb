import { access } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import {
  context,
  type BuildContext,
  type BuildFailure,
  type BuildResult,
  type Message,
  type Plugin,
} from 'esbuild';
import { FunctionError } from '../function-error.ts';
import { importedFiles, type ImportedFile } from './imported-files.ts';
import { jsxPragmas } from './jsx-pragmas.ts';
import { asRefusal, isMissingMember, missingModules, undefinedMember } from './missing-modules.ts';
import { ownModules } from './own-modules.ts';
import { hidePackagePlaces, hidePackagePlacesInMap } from './package-paths.ts';
import { readSourceSettings, type SourceSettings } from './source-settings.ts';

/** What esbuild made of an entry file. */
export type Compiled = {
  readonly code: Uint8Array;
  readonly sourceMap: Uint8Array;
  readonly exports: readonly string[];
  /** In the order of their names. */
  readonly files: readonly ImportedFile[];
};

/** Rejects with FunctionError `buildFailed`, each problem as file:line:column; an abort stops it. */
export async function compile(entry: string, signal: AbortSignal): Promise<Compiled> {
  const path = await findEntry(entry);
  const { outcome: settings } = await readSourceSettings(path);
  if (settings instanceof FunctionError) throw settings;
  const { build, outcomeOf } = await openBuild(path, settings);
  const cancel = () => void build.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const outcome = outcomeOf(await build.rebuild().catch(asFailure));
    signal.throwIfAborted();
    if (outcome instanceof FunctionError) throw outcome;
    return outcome;
  } finally {
    signal.removeEventListener('abort', cancel);
    await build.dispose();
  }
}

/** Its whole path. Rejects with FunctionError `buildFailed` when there is no such file. */
export async function findEntry(entry: string): Promise<string> {
  const path = resolve(entry);
  await access(path).catch((cause: unknown) => {
    throw new FunctionError('buildFailed', `Cannot build ${entry}: there is no such file`, {
      cause,
      hint: 'Give the path of the entry file of the function, such as functions/echo/index.ts.',
    });
  });
  return path;
}

export type OpenedBuild = {
  readonly build: BuildContext;
  /** Of what it has just ended with. */
  readonly outcomeOf: (result: BuildResult | BuildFailure) => Compiled | FunctionError;
};

/** A build of the entry file `path`, to be disposed of. Its settings hold as long as it is open. */
export async function openBuild(
  path: string,
  settings: SourceSettings,
  plugins: readonly Plugin[] = [],
): Promise<OpenedBuild> {
  const files = new Map<string, ImportedFile>();
  const all = [...plugins, ownModules, missingModules, importedFiles(files), jsxPragmas];
  return {
    build: await openContext(path, settings, all),
    outcomeOf: (result) => {
      // Of packages too: one that runs into it would fail at run time.
      const missing = result.warnings.filter(isMissingMember);
      const problems = [...result.errors, ...missing];
      return 'outputFiles' in result && problems.length === 0
        ? outputs(result, files)
        : buildFailed(path, problems);
    },
  };
}

function openContext(
  path: string,
  compilerOptions: SourceSettings,
  plugins: Plugin[],
): Promise<BuildContext> {
  return context({
    entryPoints: [`./${basename(path)}`],
    absWorkingDir: dirname(path),
    outfile: 'function.js',
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    // As wrangler does: what a package has for Workers, else for browsers, where modules of node are not there either.
    platform: 'browser',
    target: 'es2024',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['workerd', 'worker', 'browser', 'import', 'module'],
    define: { 'process.env.NODE_ENV': '"production"' },
    // As on Workers. What is not text is the matter of importedFiles.
    loader: { '.txt': 'text', '.html': 'text', '.sql': 'text' },
    plugins,
    sourcemap: 'external',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
    // esbuild tells nothing of packages otherwise.
    logOverride: { [undefinedMember]: 'warning' },
    // Whatever tsconfig.json lies above the sources on this machine must not change the bytes.
    tsconfigRaw: JSON.stringify({ compilerOptions }),
  });
}

const encoder = new TextEncoder();

function outputs(result: BuildResult, files: ReadonlyMap<string, ImportedFile>): Compiled {
  const file = (suffix: string) => result.outputFiles?.find(({ path }) => path.endsWith(suffix))?.text;
  const code = file('function.js');
  const sourceMap = file('function.js.map');
  if (code === undefined || sourceMap === undefined) throw new Error('esbuild gave no output');
  const exports = Object.values(result.metafile?.outputs ?? {}).flatMap(({ exports }) => exports);
  const inputs = Object.keys(result.metafile?.inputs ?? {});
  // What was imported by code that was left out is not part of the bundle.
  const used = [...files.values()].filter(({ name }) => code.includes(name));
  return {
    code: encoder.encode(hidePackagePlaces(code, inputs)),
    sourceMap: encoder.encode(hidePackagePlacesInMap(sourceMap)),
    exports: exports.sort(),
    files: used.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

const shownProblems = 20;

function buildFailed(entry: string, errors: readonly Message[]): FunctionError {
  const problems = errors.slice(0, shownProblems).map(describe);
  const more = errors.length - problems.length;
  if (more > 0) problems.push(`and ${more} more`);
  return new FunctionError('buildFailed', `Cannot build ${entry}:\n${problems.join('\n')}`, {
    hint: 'Correct the source and build again.',
  });
}

function describe(message: Message): string {
  const { location } = message;
  const text = asRefusal(message) ?? message.text;
  if (!location) return text;
  // esbuild counts bytes, an editor characters.
  const column = Buffer.from(location.lineText).subarray(0, location.column).toString().length;
  return `${location.file}:${location.line}:${column + 1}: ${text}`;
}

function asFailure(error: unknown): BuildFailure {
  if (error instanceof Error && 'errors' in error && Array.isArray(error.errors))
    return error as BuildFailure;
  throw error;
}
