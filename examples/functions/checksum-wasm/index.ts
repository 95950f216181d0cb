import type { FunctionModule, Publisher } from '../../../functions/sdk/index.ts';
import { checksums } from './checksum.ts';

type Env = { readonly SUMS: Publisher };

/** Puts the checksums of each firmware image that comes in beside it. */
export default {
  async message(event, env) {
    const name = event.topic.split('/').at(-1) ?? '';
    await env.SUMS.publish({ name, ...checksums(event.payload) }, { topic: `sums/${name}` });
  },

  /** The checksums of a text in UTF-8. */
  invoke(payload) {
    if (typeof payload !== 'string') throw new TypeError('The payload must be a string');
    return checksums(new TextEncoder().encode(payload));
  },
} satisfies FunctionModule<Env>;
