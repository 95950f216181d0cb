import { types } from 'node:util';

/**
 * Gives back the memory of bytes that nobody reads again, without waiting for the collector: to it a thread that turns gigabytes of
 * buffers over looks nearly idle. Bytes that share their memory with others, as node's small buffers do, are left to it.
 */
export function releaseBytes(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!types.isArrayBuffer(buffer) || buffer.detached) return;
  if (bytes.byteLength === buffer.byteLength) buffer.transfer(0);
}
