import * as polyfill from 'web-streams-polyfill';
import type { streamNames } from './stream-names.ts';

export { ReadableStream, TransformStream, WritableStream } from 'web-streams-polyfill';

/** In an isolate `lazy/streams.ts` stands in the place of this module. */
export function streamClasses(): Pick<typeof polyfill, (typeof streamNames)[number]> {
  return polyfill;
}
