import { streamNames } from '../host/inside/web/stream-names.ts';
import { statusCodes } from './status-codes.ts';

/**
 * What modules of node give that is there inside a function too: web APIs, and what is as little as a table. Sources of ES modules by
 * the names of the modules without `node:`; all else of a module is no export of it, which the build tells. No part adds authority: each
 * is made of globals that any function has.
 */
export const standardParts: Readonly<Record<string, string>> = {
  buffer: globals('Blob', 'File', 'atob', 'btoa'),
  // Whatever streams it is given, there is one log.
  console: `${globals('console')}
export class Console { constructor() { return console; } }
export default console;`,
  crypto: `export const webcrypto = globalThis.crypto;
export const subtle = webcrypto.subtle;
export const getRandomValues = (array) => webcrypto.getRandomValues(array);
export const randomUUID = () => webcrypto.randomUUID();
export function randomInt(...range) {
  const [min, max] = range.length > 1 ? range : [0, range[0]];
  if (![min, max].every(Number.isSafeInteger)) throw new TypeError('randomInt takes whole numbers; there is no callback');
  if (!(max > min && max - min < 2 ** 48)) throw new RangeError('randomInt needs a range of 1 to 2 ** 48 numbers');
  const beyond = 2 ** 48 - (2 ** 48 % (max - min));
  for (;;) {
    const [low, high] = webcrypto.getRandomValues(new Uint32Array(2));
    const drawn = (high % 2 ** 16) * 2 ** 32 + low;
    if (drawn < beyond) return min + (drawn % (max - min));
  }
}`,
  http: `export const STATUS_CODES = ${JSON.stringify(statusCodes)};`,
  perf_hooks: globals('performance'),
  process: `export const env = globalThis.process.env;
export default globalThis.process;`,
  'stream/web': globals(
    ...streamNames,
    'CompressionStream',
    'DecompressionStream',
    'TextDecoderStream',
    'TextEncoderStream',
  ),
  timers: globals('clearInterval', 'clearTimeout', 'setInterval', 'setTimeout'),
  'timers/promises': `export const setTimeout = (delay, value, { signal } = {}) => new Promise((resolve, reject) => {
  const stop = () => {
    clearTimeout(timer);
    reject(Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' }));
  };
  const timer = globalThis.setTimeout(() => {
    signal?.removeEventListener('abort', stop);
    resolve(value);
  }, delay);
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });
});`,
  url: globals('URL', 'URLPattern', 'URLSearchParams'),
  util: globals('TextDecoder', 'TextEncoder'),
};

/** What is not used is not asked for: streams are loaded when one of their classes is. */
function globals(...names: readonly string[]): string {
  return names
    .map((name) => `export const ${name} = /* @__PURE__ */ (() => globalThis.${name})();`)
    .join('\n');
}
