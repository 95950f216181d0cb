import type { RestoreProblem } from './restore-problem.ts';

const maxAttributeProblems = 1_000;

/** What goes wrong with files by their index in the tree, and with other entries by their path. One problem for each that is left out. */
export class FileProblems {
  readonly #pathOf: (file: number) => string;
  readonly #leftOut = new Map<number, RestoreProblem>();
  readonly #others: RestoreProblem[] = [];
  #attributes: RestoreProblem[] = [];
  #attributeCount = 0;

  /** `pathOf`: of a file, as problems name it. `found`: problems from before. */
  constructor(pathOf: (file: number) => string, found: readonly RestoreProblem[]) {
    this.#pathOf = pathOf;
    for (const problem of found) this.#others.push(problem);
  }

  leaveOut(file: number, code: 'missing' | 'damaged' | 'unwritable', message: string): void {
    if (!this.#leftOut.has(file)) this.#leftOut.set(file, { path: this.#pathOf(file), code, message });
  }

  isLeftOut(file: number): boolean {
    return this.#leftOut.has(file);
  }

  /** Files that were left out, with the problem of each. */
  get leftOut(): ReadonlyMap<number, RestoreProblem> {
    return this.#leftOut;
  }

  add(problem: RestoreProblem): void {
    if (problem.code === 'attribute') this.#addAttribute(problem);
    else this.#others.push(problem);
  }

  attribute(file: number, message: string): void {
    this.#addAttribute({ path: this.#pathOf(file), code: 'attribute', message });
  }

  #addAttribute(problem: RestoreProblem): void {
    this.#attributeCount++;
    if (this.#attributes.length < maxAttributeProblems) this.#attributes.push(problem);
  }

  /** Whether something of the snapshot is not in the restored tree. */
  get isIncomplete(): boolean {
    return this.#leftOut.size + this.#others.length > 0;
  }

  get count(): number {
    return this.#leftOut.size + this.#others.length + this.#attributeCount;
  }

  /** By path. */
  get list(): RestoreProblem[] {
    const all = [...this.#leftOut.values(), ...this.#others, ...this.#attributes];
    return all.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }
}
