import type { Socket } from 'node:net';
import { readBuffered } from './read-buffered.ts';

export type MqttPacketLimits = {
  /** Largest CONNECT, which has to be the first packet [MQTT-3.1.0-1]. Bytes after the fixed header. */
  readonly connectBytes: number;
  /** Largest of all others. */
  readonly packetBytes: number;
};

/**
 * Destroys the socket as soon as the header of a packet announces more than its limit, before the broker that reads
 * from the socket (by `read()`, as aedes does) collects any of it. Call it before the socket is handed over.
 */
export function limitMqttPackets(socket: Socket, limits: MqttPacketLimits): void {
  const accepts = createPacketMeter(limits);
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    // aedes reads without a size and takes it that nothing is left.
    const chunk =
      typeof size === 'number' ? (read(size) as Buffer | null) : readBuffered(() => read() as Buffer | null);
    if (chunk === null || accepts(chunk)) return chunk;
    socket.destroy(new Error('The MQTT packet is larger than this broker takes'));
    return null;
  };
}

const connectType = 1;
/** [MQTT-2.2.3]: a remaining length takes four bytes at most. */
const maxLengthShift = 21;

/** A function of the bytes of one connection, in order: false from the first packet on that breaks a limit. */
export function createPacketMeter({
  connectBytes,
  packetBytes,
}: MqttPacketLimits): (chunk: Uint8Array) => boolean {
  let state: 'type' | 'length' | 'body' | 'broken' = 'type';
  let limit = connectBytes;
  let remaining = 0;
  let shift = 0;
  let first = true;

  const header = (byte: number) => {
    if (state === 'type') {
      state = first && byte >> 4 !== connectType ? 'broken' : 'length';
      limit = first ? connectBytes : packetBytes;
      [first, remaining, shift] = [false, 0, 0];
      return;
    }
    remaining += (byte & 0x7f) * 2 ** shift;
    const more = (byte & 0x80) !== 0;
    if (remaining > limit || (more && shift === maxLengthShift)) state = 'broken';
    else if (more) shift += 7;
    else state = remaining > 0 ? 'body' : 'type';
  };

  return (chunk) => {
    let at = 0;
    while (at < chunk.byteLength && state !== 'broken') {
      if (state === 'body') {
        const taken = Math.min(remaining, chunk.byteLength - at);
        remaining -= taken;
        at += taken;
        if (remaining === 0) state = 'type';
      } else {
        header(chunk[at] ?? 0);
        at += 1;
      }
    }
    return state !== 'broken';
  };
}
