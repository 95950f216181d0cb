import { CliError } from '../errors.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import type { Run } from '../run.ts';

/** Folders of a snapshot that could not be read while the rest was shown: said at once, and a failure at the end. */
export class DamagedFolders {
  readonly #run: Run;
  #count = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  readonly add = (path: string, error: Error): void => {
    this.#count++;
    this.#run.out.note(`Cannot read ${printable(path === '' ? '/' : path)}: ${printable(error.message)}`);
  };

  throwIfAny(): void {
    if (this.#count === 0) return;
    throw new CliError('damaged', `${plural(this.#count, 'folder')} of the snapshot could not be read.`, {
      hint: 'See what else is damaged: holdfast vault check.',
    });
  }
}
