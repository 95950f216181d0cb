import { DOMException } from './dom-exception.ts';

/** Throws the DataCloneError of a value that structured cloning has no form for. */
export function refuse(what: string): never {
  throw new DOMException(`${what} cannot be cloned`, 'DataCloneError');
}
