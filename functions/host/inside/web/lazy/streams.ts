import type * as Streams from '../streams.ts';
import { loadChunk } from './load-chunk.ts';

type Classes = ReturnType<typeof Streams.streamClasses>;

/**
 * Bindings that change once: a class that stands in until somebody makes a stream. Nothing is an instance of it, as long as there are no
 * streams.
 */
export let ReadableStream = standIn(() => streamClasses().ReadableStream);
export let TransformStream = standIn(() => streamClasses().TransformStream);

export function streamClasses(): Classes {
  const classes = loadChunk('streams') as Classes;
  ({ ReadableStream, TransformStream } = classes);
  return classes;
}

function standIn<T extends abstract new (...args: never[]) => object>(real: () => T): T {
  const constructor = function (...args: unknown[]) {
    return Reflect.construct(real(), args) as object;
  };
  return constructor as unknown as T;
}
