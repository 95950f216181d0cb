import type { RestoreEvent } from '../../agent/restore.ts';
import type { DataEvent } from '../../agent/vault/restore-volumes.ts';
import { plural } from '../plural.ts';
import { Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { formatProblems } from '../vault/problem-text.ts';
import { formatRestoreProgress } from '../vault/restore-progress-text.ts';

/** Shows a restore as it goes: a line for each step, a bar for each volume, what could not be given back. */
export class RestoreReporter implements Disposable {
  readonly #run: Run;
  readonly #root: string;
  #subject = '';
  #progress: Progress | undefined;

  constructor(run: Run, root: string) {
    this.#run = run;
    this.#root = root;
  }

  show(event: RestoreEvent): void {
    if (event.step === 'data') this.#showData(event.data);
    else this.#bar(`Restoring to ${this.#root}`).text(event.message);
  }

  /** Clears the line, for text that stays. */
  pause(): void {
    this.#progress?.[Symbol.dispose]();
    this.#progress = undefined;
    this.#subject = '';
  }

  [Symbol.dispose](): void {
    this.pause();
  }

  #showData(data: DataEvent): void {
    switch (data.kind) {
      case 'plan':
        // The caller shows it whole.
        break;
      case 'progress':
        this.#bar(`Restoring ${data.volume}`).line(() => formatRestoreProgress(data.progress));
        break;
      case 'problems':
        this.#problems(data.volume, data.problems);
        break;
      default:
        data satisfies never;
    }
  }

  #bar(subject: string): Progress {
    if (this.#progress === undefined || subject !== this.#subject) {
      this.pause();
      this.#progress = new Progress(this.#run.io, { label: subject, enabled: !this.#run.out.json });
      this.#subject = subject;
    }
    return this.#progress;
  }

  #problems(volume: string, problems: Parameters<typeof formatProblems>[0]['problems']): void {
    this.pause();
    const heading = (count: number) =>
      `${volume}: ${plural(count, 'entry', 'entries')} could not be given back as they were:`;
    this.#run.out.note(formatProblems({ problems, problemCount: problems.length }, { heading }).join('\n'));
  }
}
