import type { TLSSocket } from 'node:tls';

type Bounds = {
  /** Bytes that wait for a client to read them. */
  readonly maxWaitingBytes: number;
  /** For so long it may read nothing while something waits. */
  readonly stallMs: number;
};

/**
 * Lets nobody wait for a client that reads slowly, or not at all: aedes would hold every message to it, and whoever published that,
 * until its socket drains. What it does not read waits here; past either bound it is disconnected. Who wants to wait for it asks
 * `writableNeedDrain`, as `write` always returns true.
 */
export function dropSlowReader(
  socket: Pick<
    TLSSocket,
    'write' | 'once' | 'destroy' | 'destroyed' | 'bytesWritten' | 'writableLength' | 'writableNeedDrain'
  >,
  { maxWaitingBytes, stallMs }: Bounds,
): void {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  let timer: NodeJS.Timeout | undefined;
  /** What the system took. */
  const taken = () => socket.bytesWritten - socket.writableLength;
  const watch = (before: number): void => {
    timer = setTimeout(() => {
      timer = undefined;
      if (socket.destroyed || !socket.writableNeedDrain) return;
      const now = taken();
      if (now > before) watch(now);
      else socket.destroy(new Error(`It read nothing for ${stallMs} ms`));
    }, stallMs);
    timer.unref();
  };
  socket.once('close', () => clearTimeout(timer));
  socket.write = (...given: unknown[]) => {
    if (write(...given) || socket.destroyed) return true;
    if (socket.writableLength > maxWaitingBytes) socket.destroy(new Error('It reads too slowly'));
    else if (!timer) watch(taken());
    return true;
  };
}
