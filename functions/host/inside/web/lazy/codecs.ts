import type { Codecs } from '../codecs.ts';
import { loadChunk } from './load-chunk.ts';

export function codecs(): Codecs {
  return loadChunk('codecs') as Codecs;
}
