import type { TreeEntries } from '../../support/tree-entries.ts';

type Snapshotted = { readonly path: string; readonly entries: TreeEntries };
type Listed = { readonly id: string; readonly path: string };

/** What was promised: every snapshot whose id was reported, and what was in its folder. */
export class Ledger {
  readonly #kept = new Map<string, Snapshotted>();
  /** Of snapshots that were cut short: they may be there all the same, and then whole. */
  #attempts: Snapshotted[] = [];
  /** Whose removal was begun and not reported as done. */
  readonly #doubtful = new Set<string>();

  get size(): number {
    return this.#kept.size;
  }

  get ids(): readonly string[] {
    return [...this.#kept.keys()];
  }

  /** To be called before a snapshot begins. */
  attempt(path: string, entries: TreeEntries): void {
    this.#attempts.push({ path, entries });
  }

  entriesOf(id: string): TreeEntries {
    const snapshotted = this.#kept.get(id);
    if (!snapshotted) throw new Error(`Nothing is known of snapshot ${id}`);
    return snapshotted.entries;
  }

  /** A snapshot whose id was reported. */
  commit(id: string, path: string, entries: TreeEntries): void {
    this.#kept.set(id, { path, entries });
  }

  /** Before all but the last `keepLast` of each path are removed; `adding`: so many may come to be meanwhile. */
  beginToForget(keepLast: number, adding = 0): void {
    const byPath = Map.groupBy(this.#kept.keys(), (id) => this.#kept.get(id)?.path);
    for (const ids of byPath.values()) {
      const removable = Math.max(0, ids.length + adding - keepLast);
      for (const id of ids.slice(0, removable)) this.#doubtful.add(id);
    }
  }

  /** These were reported as removed. */
  forget(ids: readonly string[]): string[] {
    const wrong = ids.filter((id) => this.#kept.has(id) && !this.#doubtful.has(id));
    for (const id of ids) this.#kept.delete(id);
    return wrong.map((id) => `snapshot ${id} was to be kept and is forgotten`);
  }

  /**
   * Compares with what is listed: what was promised and is not there, or is there and nobody made, is a problem. What is there though
   * it was not reported, as its process was killed right after, counts as promised from now on.
   */
  compare(listed: readonly Listed[]): string[] {
    const there = new Set(listed.map(({ id }) => id));
    const gone = this.ids.filter((id) => !there.has(id));
    const problems = gone
      .filter((id) => !this.#doubtful.has(id))
      .map((id) => `snapshot ${id} was reported as written and is lost`);
    for (const id of gone) this.#kept.delete(id);
    for (const { id, path } of listed.filter((one) => !this.#kept.has(one.id))) {
      const attempt = this.#attempts.find((one) => one.path === path);
      if (attempt) this.#kept.set(id, attempt);
      else problems.push(`snapshot ${id} of ${path} is there and nobody made it`);
    }
    this.#attempts = [];
    this.#doubtful.clear();
    return problems;
  }
}
