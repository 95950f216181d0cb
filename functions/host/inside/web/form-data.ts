import { Blob } from './blob.ts';
import { need } from './convert.ts';
import { File } from './file.ts';
import { defineInterface, defineIterable } from './interface.ts';

export type FormDataValue = string | File;
export type FormDataEntry = [name: string, value: FormDataValue];

let entriesOf: (form: FormData) => readonly FormDataEntry[];

/** Fields of a form, in the order they were added. [XHR §4] */
export class FormData {
  #entries: FormDataEntry[] = [];
  declare readonly entries: () => IterableIterator<FormDataEntry>;
  declare readonly keys: () => IterableIterator<string>;
  declare readonly values: () => IterableIterator<FormDataValue>;
  declare readonly [Symbol.iterator]: () => IterableIterator<FormDataEntry>;
  declare readonly forEach: (
    work: (value: FormDataValue, name: string, form: FormData) => unknown,
    self?: unknown,
  ) => void;

  static {
    entriesOf = (form) => form.#entries;
  }

  constructor(form?: unknown) {
    if (form !== undefined)
      throw new TypeError('There are no form elements here: FormData takes no argument');
  }

  append(name: unknown, value: unknown, filename?: unknown): void {
    need(arguments.length, 2);
    this.#entries.push([wellFormed(name), toValue(value, filename)]);
  }

  delete(name: unknown): void {
    need(arguments.length, 1);
    this.#entries = this.#entries.filter(([key]) => key !== String(name));
  }

  get(name: unknown): FormDataValue | null {
    need(arguments.length, 1);
    return this.#entries.find(([key]) => key === String(name))?.[1] ?? null;
  }

  getAll(name: unknown): FormDataValue[] {
    need(arguments.length, 1);
    return this.#entries.filter(([key]) => key === String(name)).map(([, value]) => value);
  }

  has(name: unknown): boolean {
    need(arguments.length, 1);
    return this.#entries.some(([key]) => key === String(name));
  }

  /** In the place of the first of that name, or at the end. */
  set(name: unknown, value: unknown, filename?: unknown): void {
    need(arguments.length, 2);
    const entry: FormDataEntry = [wellFormed(name), toValue(value, filename)];
    const at = this.#entries.findIndex(([key]) => key === entry[0]);
    if (at === -1) {
      this.#entries.push(entry);
      return;
    }
    this.#entries = this.#entries.filter(([key], index) => key !== entry[0] || index === at);
    this.#entries[at] = entry;
  }
}

defineInterface('FormData', FormData);
defineIterable('FormData', FormData, entriesOf);

function toValue(value: unknown, filename: unknown): FormDataValue {
  if (!(value instanceof Blob)) {
    if (filename !== undefined) throw new TypeError('Only a Blob has a filename');
    return wellFormed(value);
  }
  if (value instanceof File && filename === undefined) return value;
  const name = filename === undefined ? 'blob' : wellFormed(filename);
  const lastModified = value instanceof File ? { lastModified: value.lastModified } : {};
  return new File([value], name, { type: value.type, ...lastModified });
}

/** A USVString: lone surrogates become U+FFFD. */
function wellFormed(value: unknown): string {
  return String(value).toWellFormed();
}
