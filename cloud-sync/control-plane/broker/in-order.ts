import type { Ingest } from './ingest.ts';

/**
 * One message of a device after the other, in the order of their arrival. Devices do not wait for each other, and batches
 * of the relay keep an order of their own (`RelayIngest`): several of them share a commit.
 */
export function inOrder(ingest: Ingest): Ingest {
  const tails = new Map<string, Promise<unknown>>();
  return (source, up, payload) => {
    if (up.kind === 'relay') return ingest(source, up, payload);
    const before = tails.get(source.device) ?? Promise.resolve();
    const result = before.then(() => ingest(source, up, payload));
    const tail = result
      .catch(() => undefined)
      .then(() => {
        if (tails.get(source.device) === tail) tails.delete(source.device);
      });
    tails.set(source.device, tail);
    return result;
  };
}
