/**
 * A folder of a tree that a layer is being applied to: really one, with no link on the way from the root. What is known of it goes with it
 * when it is removed.
 */
export class LayerFolder {
  /** Absolute. */
  readonly path: string;
  readonly #parent: LayerFolder | undefined;
  readonly #folders = new Map<string, LayerFolder>();
  /** Names in it that this layer made. */
  readonly #brought = new Set<string>();
  /** Something below it was made by this layer, so that a whiteout does not take it away. */
  #holdsBrought = false;
  /** What is to be done to it when all is in it; undefined leaves it as it is. */
  last: (() => void) | undefined;

  constructor(path: string, parent?: LayerFolder) {
    this.path = path;
    this.#parent = parent;
  }

  get parent(): LayerFolder {
    return this.#parent ?? this;
  }

  get holdsBrought(): boolean {
    return this.#holdsBrought;
  }

  at(name: string): string {
    return `${this.path}/${name}`;
  }

  folder(name: string): LayerFolder | undefined {
    return this.#folders.get(name);
  }

  /** Takes note of a folder that is there. */
  add(name: string): LayerFolder {
    const folder = this.#folders.get(name) ?? new LayerFolder(this.at(name), this);
    this.#folders.set(name, folder);
    return folder;
  }

  forget(name: string): void {
    this.#folders.delete(name);
  }

  bring(name: string): void {
    this.#brought.add(name);
    this.#hold();
  }

  hasBrought(name: string): boolean {
    return this.#brought.has(name);
  }

  #hold(): void {
    if (this.#holdsBrought) return;
    this.#holdsBrought = true;
    if (this.#parent) this.#parent.#hold();
  }

  /** This one and all known below it, those within first. */
  *deepestFirst(): Generator<LayerFolder> {
    for (const folder of this.#folders.values()) yield* folder.deepestFirst();
    yield this;
  }
}
