import { loadChunk } from './load-chunk.ts';

export function urlPatternClasses(): Record<string, unknown> {
  return loadChunk('url-pattern') as Record<string, unknown>;
}
