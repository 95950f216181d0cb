import { usvString } from './convert.ts';
import { dictionary } from './event.ts';
import { defineInterface } from './interface.ts';
import { Blob, type BlobOptions, type BlobPart } from './blob.ts';

export type FileOptions = BlobOptions & { readonly lastModified?: unknown };

/** A blob with a name. [File API §4] */
export class File extends Blob {
  readonly #name: string;
  readonly #lastModified: number;

  constructor(parts: Iterable<BlobPart>, name: unknown, options: FileOptions | null = {}) {
    if (arguments.length < 2) throw new TypeError('File takes parts and a name');
    super(parts, options);
    this.#name = usvString(name);
    const { lastModified = Date.now() } = dictionary(options) as FileOptions;
    this.#lastModified = Math.trunc(Number(lastModified)) || 0;
  }

  get name(): string {
    return this.#name;
  }
  /** Milliseconds since 1970. */
  get lastModified(): number {
    return this.#lastModified;
  }
}

defineInterface('File', File);
