/**
 * Gives the memory of a large buffer back now; the buffer is empty afterwards. The collector of garbage sees but a small object and takes
 * its time, while as much as a hundred megabytes gather outside its heap. What shares its memory with others, or is small, stays.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (bytes.byteLength < smallestBytes || buffer.byteLength !== bytes.byteLength) return;
  if ('transfer' in buffer) buffer.transfer(0);
}

/** Below it buffers may be cut from node's pool, and cost little. */
const smallestBytes = 16_384;
