import { statSync } from 'node:fs';
import type { Counts } from '../streams/ledger.ts';
import type { AgentMeter } from './metrics.ts';

type Store = { readonly path: string; readonly counts: Pick<Counts, 'stream' | 'consumer' | 'consumers'> };

/** How the streams of the generation are at each snapshot; `relayed` by name. Returns how to stop. */
export function measureStreams(
  meter: AgentMeter,
  { path, counts }: Store,
  streams: () => Iterable<readonly [name: string, relayed: boolean]>,
): () => void {
  return meter.observe((report) => {
    report('holdfast.store.size', sizeOf(path) + sizeOf(`${path}-wal`), {});
    for (const [stream, relayed] of streams()) {
      const { lastSeq, ackedSeq, bytes } = counts.stream(stream);
      report('holdfast.stream.messages', lastSeq, { stream });
      report('holdfast.stream.size', bytes, { stream });
      if (relayed) report('holdfast.stream.backlog', lastSeq - ackedSeq, { stream, reader: 'cloud' });
      for (const reader of counts.consumers(stream)) {
        const seq = counts.consumer(stream, reader)?.seq ?? 0;
        report('holdfast.stream.backlog', lastSeq - seq, { stream, reader });
      }
    }
  });
}

/** Once a snapshot, of two files: not worth waiting for. NaN, which is not reported, when the disk does not say. */
function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return Number.NaN;
  }
}
