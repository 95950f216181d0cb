import { bentBuiltins } from './bent-builtins.ts';
import { escapes } from './escapes.ts';
import { hangs } from './hangs.ts';
import { memory } from './memory.ts';
import type { HostileProgram } from './program.ts';
import { resources } from './resources.ts';
import { web } from './web.ts';

/** Every hostile function by what it is after: threats 17 to 25. */
export const corpus = {
  escapes,
  'bent builtins': bentBuiltins,
  hangs,
  memory,
  resources,
  web,
} satisfies Record<string, readonly HostileProgram[]>;
