import { Progress } from './progress.ts';
import type { Run } from './run.ts';

/** One bar after the other, each for a step with a label of its own. `using` clears the line. */
export class LabelledProgress implements Disposable {
  readonly #run: Run;
  #label = '';
  #bar: Progress | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  bar(label: string): Progress {
    if (this.#bar === undefined || label !== this.#label) {
      this[Symbol.dispose]();
      this.#bar = new Progress(this.#run.io, { label, enabled: !this.#run.out.json });
      this.#label = label;
    }
    return this.#bar;
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]();
    this.#bar = undefined;
  }
}
