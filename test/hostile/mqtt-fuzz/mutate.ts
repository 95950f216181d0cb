import type { RecordedSession } from './recorded-sessions.ts';

type Random = () => number;
/** Changes a list of packets; `others` is material of other sessions, of both directions. */
type Mutation = (packets: Buffer[], random: Random, others: readonly Buffer[]) => Buffer[];

const mostMutations = 4;
/** Share of sessions that are sent as they were: what is right has to go on working too. */
const untouched = 0.08;

/** The packets of a session with one to four faults in them: the same for the same numbers. */
export function mutate(
  session: RecordedSession,
  sessions: readonly RecordedSession[],
  random: Random,
): Buffer[] {
  let packets: Buffer[] = session.fromClient.map((packet) => Buffer.from(packet));
  if (random() < untouched) return packets;
  const others = sessions.flatMap(({ fromClient, fromServer }) => [...fromClient, ...fromServer]);
  for (let count = 1 + index(random, mostMutations); count > 0; count--)
    packets = pick(random, mutations)(packets, random, others);
  return packets;
}

const mutations: readonly Mutation[] = [
  each((packet, random) => {
    for (let flips = 1 + index(random, 8); flips > 0; flips--) {
      const at = index(random, packet.length);
      packet[at] = (packet[at] ?? 0) ^ (1 << index(random, 8));
    }
    return packet;
  }),
  each((packet, random) => {
    packet[index(random, packet.length)] = pick(random, [0, 1, 0x7f, 0x80, 0xfe, 0xff]);
    return packet;
  }),
  // A length field of a string in the packet, or what happens to stand there.
  each((packet, random) => {
    if (packet.length > 4) packet.writeUInt16BE(index(random, 2 ** 16), 2 + index(random, packet.length - 3));
    return packet;
  }),
  each((packet, random) => packet.subarray(0, index(random, packet.length))),
  each((packet, random) => Buffer.concat([packet, bytes(random, 1 + index(random, 64))])),
  // The remaining length: a bomb, five bytes of it, a little too much or too little. [MQTT-2.2.3]
  each((packet, random) => withLength(packet, pick(random, lengths)(packet, random))),
  // Flags of the fixed header. [MQTT-2.2.2-2]
  each((packet, random) => {
    packet[0] = ((packet[0] ?? 0) & 0xf0) | index(random, 16);
    return packet;
  }),
  each((packet, random) => {
    packet[0] = (index(random, 16) << 4) | ((packet[0] ?? 0) & 0x0f);
    return packet;
  }),
  // Faults of UTF-8 in the place of something else. [MQTT-1.5.3]
  each((packet, random) => {
    const fault = pick(random, utf8Faults);
    fault.copy(packet, Math.min(packet.length - 1, 4 + index(random, packet.length)));
    return packet;
  }),
  (packets, random) => {
    packets.splice(index(random, packets.length + 1), 0, ...packets.slice(index(random, packets.length)));
    return packets;
  },
  (packets, random) => shuffled(packets, random),
  // Before CONNECT; after DISCONNECT.
  (packets) => packets.slice(1),
  (packets, random) => [...packets, ...shuffled(packets, random)],
  (packets, random, others) => {
    const taken = Array.from({ length: 1 + index(random, 5) }, () => Buffer.from(pick(random, others)));
    packets.splice(index(random, packets.length + 1), 0, ...taken);
    return packets;
  },
  // Of one session the beginning, of another one the end, cut anywhere.
  (packets, random, others) => {
    const all = Buffer.concat(packets);
    const other = pick(random, others);
    return [all.subarray(0, index(random, all.length)), other.subarray(index(random, other.length))];
  },
  (packets, random) => {
    const at = index(random, packets.length);
    return packets.flatMap((packet, place) => (place === at ? Array<Buffer>(200).fill(packet) : [packet]));
  },
  (packets, random) => [...packets.slice(0, 1), bytes(random, 1 + index(random, 2000))],
];

const lengths: readonly ((packet: Buffer, random: Random) => Buffer)[] = [
  () => Buffer.from('ffffff7f', 'hex'),
  () => Buffer.from('ffffffff7f', 'hex'),
  () => Buffer.from('80808000', 'hex'),
  (packet) => encodedLength(Math.max(0, packet.length - 3)),
  (packet) => encodedLength(packet.length - 1),
  (packet, random) => encodedLength(packet.length + index(random, 4096)),
  () => Buffer.from('00', 'hex'),
];

const utf8Faults = [
  'c080',
  'eda080',
  'f4908080',
  'ff',
  '00',
  'efbfbf',
  'e2',
  '2f2e2e2f',
  '2b',
  '23',
  '24535953',
].map((hex) => Buffer.from(hex, 'hex'));

/** Changes one packet. */
function each(change: (packet: Buffer, random: Random) => Buffer): Mutation {
  return (packets, random) => {
    const at = index(random, packets.length);
    const packet = packets[at];
    if (packet !== undefined && packet.length > 0) packets[at] = change(Buffer.from(packet), random);
    return packets;
  };
}

function withLength(packet: Buffer, length: Buffer): Buffer {
  let body = 1;
  while (((packet[body] ?? 0) & 0x80) !== 0 && body < 4) body++;
  return Buffer.concat([packet.subarray(0, 1), length, packet.subarray(body + 1)]);
}

function encodedLength(length: number): Buffer {
  const digits: number[] = [];
  for (let rest = length; digits.length === 0 || rest > 0; rest = Math.floor(rest / 128))
    digits.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  return Buffer.from(digits);
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => index(random, 256)));
}

const index = (random: Random, length: number): number => Math.floor(random() * length);

export function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[index(random, values.length)];
  if (value === undefined) throw new RangeError('There is nothing to pick from');
  return value;
}
