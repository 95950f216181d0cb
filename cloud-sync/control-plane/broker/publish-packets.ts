import { republishedTopic } from '../../protocol/topics.ts';
import type { RelayColumns } from '../../protocol/relay-batch.ts';
import type { DeviceAddress } from '../../protocol/topics.ts';

/** Characters that no topic to publish to may hold [MQTT-3.3.2-2]; such a message is stored but not sent on. */
const unpublishable = /[+#\0]/;
/** [MQTT-1.5.3] length of a string. */
const maxTopicBytes = 65_535;
const maxLengthBytes = 4;

/** Which of a segment's topics a subscriber wants, at most at which QoS; -1 for none. */
export type TopicQos = (topic: string) => -1 | 0 | 1;

export type PublishPackets = {
  /** PUBLISH packets one after the other, in the order of the segment. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Of these, how many wait for a PUBACK. */
  readonly acknowledged: number;
};

/**
 * The messages of a segment as MQTT 3.1.1 PUBLISH packets (§3.3) in one buffer: made from the columns directly, a broker's
 * way through one object a message takes some thirty times as long. `nextId` gives packet identifiers.
 */
export function publishPackets(
  source: DeviceAddress,
  columns: RelayColumns,
  { qosOf, nextId }: { readonly qosOf: TopicQos; readonly nextId: () => number },
): PublishPackets {
  const heads = columns.topicNames.map((name) => topicHead(source, name, qosOf));
  const base64 = new Set(columns.base64);
  const gaps = new Set(columns.gaps.map(({ entry }) => entry));
  let size = 0;
  for (const [index, text] of columns.data.entries()) {
    const head = heads[columns.topics[index] ?? 0];
    // A UTF-16 code unit takes three bytes at most, base64 gives fewer than it takes.
    if (head && !gaps.has(index)) size += 1 + maxLengthBytes + head.bytes.length + 2 + text.length * 3;
  }
  const buffer = Buffer.allocUnsafe(size);
  let at = 0;
  let count = 0;
  let acknowledged = 0;
  for (const [index, text] of columns.data.entries()) {
    const head = heads[columns.topics[index] ?? 0];
    if (!head || gaps.has(index)) continue;
    // A device may call anything base64: the length of what it says is not that of what is read from it.
    const bytes = base64.has(index) ? Buffer.from(text, 'base64') : undefined;
    const payloadBytes = bytes ? bytes.length : Buffer.byteLength(text);
    buffer[at++] = 0x30 | (head.qos << 1);
    at = writeLength(buffer, at, head.bytes.length + head.qos * 2 + payloadBytes);
    buffer.set(head.bytes, at);
    at += head.bytes.length;
    if (head.qos === 1) {
      at = buffer.writeUInt16BE(nextId(), at);
      acknowledged += 1;
    }
    at += bytes ? bytes.copy(buffer, at) : buffer.write(text, at);
    count += 1;
  }
  return { bytes: buffer.subarray(0, at), count, acknowledged };
}

function topicHead(source: DeviceAddress, name: string, qosOf: TopicQos) {
  if (unpublishable.test(name)) return undefined;
  const topic = republishedTopic(source, name);
  const qos = qosOf(topic);
  const length = Buffer.byteLength(topic);
  if (qos < 0 || length > maxTopicBytes) return undefined;
  const bytes = Buffer.alloc(2 + length);
  bytes.writeUInt16BE(length);
  bytes.write(topic, 2);
  return { qos, bytes };
}

/** §2.2.3 */
function writeLength(buffer: Buffer, at: number, length: number): number {
  for (let rest = length; ;) {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    buffer[at++] = rest > 0 ? digit | 0x80 : digit;
    if (rest === 0) return at;
  }
}
