import type { BuildResult, Plugin } from 'esbuild';
import { errorMessage } from '../../lib/error-code.ts';
import { FunctionError } from '../function-error.ts';
import { findEntry, openBuild, type Compiled, type OpenedBuild } from './compile.ts';
import { readSourceSettings, type SettingsReading } from './source-settings.ts';

type OnCompiled = (result: Compiled | FunctionError) => void;

/** Compiles an entry file at once and after each change of a file that was read or looked for, until disposed of. */
export class SourceWatch implements AsyncDisposable {
  readonly #path: string;
  readonly #onCompiled: OnCompiled;
  #opened: OpenedBuild | undefined;
  /** Those that the build was opened with. */
  #reading: SettingsReading | undefined;
  #reopening: Promise<void> = Promise.resolve();
  #isDisposed = false;

  private constructor(path: string, onCompiled: OnCompiled) {
    this.#path = path;
    this.#onCompiled = onCompiled;
  }

  /** Rejects with FunctionError `buildFailed` when there is no such file; whatever else is wrong is a result. */
  static async open(entry: string, onCompiled: OnCompiled): Promise<SourceWatch> {
    const watch = new SourceWatch(await findEntry(entry), onCompiled);
    await watch.#begin(await readSourceSettings(watch.#path));
    return watch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#reopening;
    await this.#opened?.build.dispose();
  }

  async #begin(reading: SettingsReading): Promise<void> {
    const settings = reading.outcome instanceof FunctionError ? {} : reading.outcome;
    const listen: Plugin = {
      name: 'listen',
      setup: (bundler) => bundler.onEnd((result) => this.#ended(reading, result)),
    };
    this.#reading = reading;
    const opened = await openBuild(this.#path, settings, [watchSettings(reading), listen]);
    this.#opened = opened;
    try {
      await opened.build.watch();
    } catch (error) {
      await opened.build.dispose();
      throw error;
    }
  }

  async #ended(reading: SettingsReading, result: BuildResult): Promise<void> {
    const now = await readSourceSettings(this.#path);
    // That of a build whose settings have changed meanwhile is nobody's.
    if (this.#isDisposed || this.#reading !== reading || !this.#opened) return;
    if (contentOf(now) === contentOf(reading)) {
      const { outcome } = reading;
      this.#onCompiled(outcome instanceof FunctionError ? outcome : this.#opened.outcomeOf(result));
      return;
    }
    this.#reading = now;
    // The build ends when this returns, and is disposed of then.
    this.#reopening = this.#reopen(this.#opened, now).catch((cause: unknown) => {
      const message = `Cannot build ${this.#path} again: ${errorMessage(cause)}`;
      this.#onCompiled(new FunctionError('buildFailed', message, { cause }));
    });
  }

  async #reopen({ build }: OpenedBuild, reading: SettingsReading): Promise<void> {
    await build.dispose();
    if (!this.#isDisposed) await this.#begin(reading);
  }
}

/** esbuild watches them as it does sources; those that are not there may come. */
function watchSettings({ files, outcome }: SettingsReading): Plugin {
  const errors = outcome instanceof FunctionError ? [{ text: outcome.message }] : [];
  return {
    name: 'watch-settings',
    setup: (bundler) =>
      bundler.onResolve({ filter: /^\.\// }, ({ kind }) =>
        kind === 'entry-point' ? { watchFiles: [...files], errors } : undefined,
      ),
  };
}

function contentOf({ files, outcome }: SettingsReading): string {
  return JSON.stringify([files, outcome instanceof FunctionError ? outcome.message : outcome]);
}
