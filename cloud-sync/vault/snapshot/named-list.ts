/** Finds by name; what is asked for in the order of the list is found without a table. */
export class NamedList<T extends { readonly name: string }> {
  readonly all: readonly T[];
  #at = 0;
  #byName: ReadonlyMap<string, T> | undefined;

  constructor(all: readonly T[]) {
    this.all = all;
  }

  /** Only if it is the one that was found last, or that after it. */
  next(name: string): T | undefined {
    if (this.all[this.#at]?.name === name) return this.all[this.#at];
    if (this.all[this.#at + 1]?.name !== name) return undefined;
    this.#at += 1;
    return this.all[this.#at];
  }

  find(name: string): T | undefined {
    this.#byName ??= new Map(this.all.map((item) => [item.name, item]));
    return this.#byName.get(name);
  }
}
