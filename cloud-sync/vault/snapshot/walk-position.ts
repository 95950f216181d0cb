/** Levels of folders that are compared; below, both sides look at everything. */
const maxDepth = 256;
/** Places in the shared memory; the first one has how many levels were entered. */
const lookedAt = 1;
const firstLevel = 2;

/**
 * Where the walk of a folder is: on each level the number of the entry it is in. Shared with the thread that lists the same folder from
 * its end: whoever comes to a place that the other has been at is done. A number that is read while it changes costs a listing more.
 */
export class WalkPosition {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(4 * (firstLevel + maxDepth))) {
    this.shared = shared;
    this.#numbers = new Int32Array(shared);
  }

  /** Entry `index` of the folder at `depth`, 0 for the root, is entered: a depth first walk. */
  enter(depth: number, index: number): void {
    if (depth >= maxDepth) return;
    Atomics.store(this.#numbers, lookedAt, 0);
    Atomics.store(this.#numbers, firstLevel + depth, index);
    Atomics.store(this.#numbers, 0, depth + 1);
  }

  /** So many entries of the folder that was entered last, the root before any was, need not be looked at by anybody else. */
  lookedAt(count: number): void {
    Atomics.store(this.#numbers, lookedAt, count);
  }

  /** Of the folder with these numbers: none before the walk comes to it, all once it is further. */
  lookedAtOf(place: readonly number[]): number {
    const where = this.compare(place);
    if (where !== 'inside') return where === 'ahead' ? 0 : Infinity;
    const isBelow = Atomics.load(this.#numbers, 0) > place.length;
    return isBelow ? Infinity : Atomics.load(this.#numbers, lookedAt);
  }

  /** Whether the place with these numbers lies before the walk, in front of or in it. */
  compare(place: readonly number[]): 'passed' | 'inside' | 'ahead' {
    const depth = Atomics.load(this.#numbers, 0);
    for (const [level, index] of place.entries()) {
      if (level >= depth) return 'ahead';
      const at = Atomics.load(this.#numbers, firstLevel + level);
      if (index !== at) return index > at ? 'ahead' : 'passed';
    }
    return 'inside';
  }
}
