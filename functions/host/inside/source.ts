import { makeCalls, makeEnv, makeTimers } from './bridge.ts';
import { makeConsole } from './console.ts';
import { makeEnding, makeLog } from './ending.ts';
import { makeBase64, makeCrypto, makeEncodingClasses, makeStructuredClone } from './globals.ts';
import { findHandlers, makeEvent } from './handlers.ts';
import { takeSafe } from './safe.ts';
import { installGlobals, makeInvoke, start, type Parts } from './start.ts';
import { makeText } from './text.ts';
import { tameWebAssembly } from './web-assembly.ts';

const parts = {
  takeSafe,
  makeText,
  makeCalls,
  makeEnv,
  makeTimers,
  makeConsole,
  makeEncodingClasses,
  makeBase64,
  makeCrypto,
  makeStructuredClone,
  findHandlers,
  makeEvent,
  makeLog,
  makeEnding,
  makeInvoke,
  installGlobals,
  tameWebAssembly,
} satisfies Parts;

/**
 * What runs in every isolate before the tenant, as text: `$0` send, `$1` random, `$2` setup. Strict, so that no stack
 * trace hands the tenant a function of ours. A bundler may rename things inside a part, never between parts.
 */
export const insideSource = [
  '"use strict";',
  `const parts = {${Object.entries(parts)
    .map(([name, part]) => `${name}: ${part.toString()}`)
    .join(',\n')}};`,
  `return (${start.toString()})(parts, $0, $1, $2);`,
].join('\n');
