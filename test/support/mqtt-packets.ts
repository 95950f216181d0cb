/** Cuts a byte stream into whole MQTT control packets. */
export class MqttPackets {
  #rest: Buffer = Buffer.alloc(0);

  /** The packets that `chunk` completes. */
  push(chunk: Buffer): Buffer[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const packets: Buffer[] = [];
    for (let length = packetLength(bytes); length <= bytes.length; length = packetLength(bytes)) {
      packets.push(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
    }
    this.#rest = bytes;
    return packets;
  }
}

/** Of the packet at the beginning; Infinity while that cannot be said. [MQTT-2.2.3] */
function packetLength(bytes: Buffer): number {
  let length = 0;
  for (let at = 1; at <= 4; at++) {
    const byte = bytes[at];
    if (byte === undefined) return Number.POSITIVE_INFINITY;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if ((byte & 0x80) === 0) return at + 1 + length;
  }
  throw new Error('The length of an MQTT packet has more than four bytes');
}

const publish = 3;

/** The topic of a PUBLISH, undefined for any other packet. */
export function publishedTopic(packet: Buffer): string | undefined {
  if ((packet[0] ?? 0) >> 4 !== publish) return undefined;
  let at = 1;
  while (((packet[at] ?? 0) & 0x80) !== 0) at++;
  const length = packet.readUInt16BE(at + 1);
  return packet.toString('utf8', at + 3, at + 3 + length);
}
