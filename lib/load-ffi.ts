import type * as Ffi from 'node:ffi';
import { createRequire } from 'node:module';

/**
 * node's foreign function interface, without its warning that it is experimental: whoever calls it does without where it is not. Throws
 * where it is not there (node 24) or not allowed.
 */
export function loadFfi(): typeof Ffi {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return createRequire(import.meta.url)('node:ffi') as typeof Ffi;
  } finally {
    process.emitWarning = emitWarning;
  }
}
