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
import { asRefusal, missingModules } from './missing-modules.ts';
import { ownModules } from './own-modules.ts';
import { hidePackagePlaces, hidePackagePlacesInMap } from './package-paths.ts';
import { sourceSettings, type SourceSettings } from './source-settings.ts';

/** What esbuild made of an entry file. */
export type Compiled = {
  readonly code: Uint8Array;
  readonly sourceMap: Uint8Array;
  readonly exports: readonly string[];
  /** In the order of their names. */
  readonly files: readonly ImportedFile[];
};

/** An entry file that is compiled as often as wanted, and quickly after the first time. */
export type Compiler = AsyncDisposable & {
  /** Rejects with FunctionError `buildFailed`, each problem as file:line:column; an abort stops it. */
  compile(signal: AbortSignal): Promise<Compiled>;
  /** Compiles now and after each change of a file that was read, until disposed of. */
  watch(onCompiled: (result: Compiled | FunctionError) => void): Promise<void>;
};

/** Rejects with FunctionError `buildFailed` when there is no such file, or its tsconfig.json cannot be read. */
export async function openCompiler(entry: string): Promise<Compiler> {
  const path = resolve(entry);
  await access(path).catch((cause: unknown) => {
    throw new FunctionError('buildFailed', `Cannot build ${entry}: there is no such file`, {
      cause,
      hint: 'Give the path of the entry file of the function, such as functions/echo/index.ts.',
    });
  });
  const files = new Map<string, ImportedFile>();
  const listeners: ((result: BuildResult) => void)[] = [];
  const settings = await sourceSettings(path);
  const build = await openContext(path, settings, [
    ownModules,
    missingModules,
    importedFiles(files),
    jsxPragmas,
    {
      name: 'listen',
      setup: (bundler) => bundler.onEnd((result) => listeners.forEach((listen) => listen(result))),
    },
  ]);
  return {
    async compile(signal) {
      const cancel = () => void build.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        return outputs(await build.rebuild(), files);
      } catch (error) {
        signal.throwIfAborted();
        throw isBuildFailure(error) ? buildFailed(path, error.errors) : error;
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    },
    async watch(onCompiled) {
      listeners.push((result) =>
        onCompiled(result.errors.length > 0 ? buildFailed(path, result.errors) : outputs(result, files)),
      );
      await build.watch();
    },
    [Symbol.asyncDispose]: () => build.dispose(),
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

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}
