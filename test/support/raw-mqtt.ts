import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { generate, parser, type Packet } from 'mqtt-packet';

/** An MQTT client of packets: says what it is told and does nothing by itself. */
export class RawMqtt implements AsyncDisposable {
  readonly packets: Packet[] = [];
  readonly stream: Duplex;
  closed = false;
  readonly #waiting = new Set<() => void>();

  static async connect(port: number): Promise<RawMqtt> {
    const socket = createConnection({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    return new RawMqtt(socket);
  }

  constructor(stream: Duplex) {
    this.stream = stream;
    const parse = parser();
    parse.on('packet', (packet: Packet) => this.packets.push(packet));
    stream.on('data', (chunk: Buffer) => {
      parse.parse(chunk);
      this.#wake();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  send(...packets: Packet[]): void {
    this.stream.write(Buffer.concat(packets.map((packet) => generate(packet))));
  }

  /** The first packet of this kind that has come and was not asked for yet. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>> {
    for (;;) {
      const at = this.packets.findIndex((packet) => packet.cmd === cmd);
      const [packet] = at < 0 ? [] : this.packets.splice(at, 1);
      if (packet) return packet as Extract<Packet, { cmd: Cmd }>;
      if (this.closed) throw new Error(`closed before ${cmd}`);
      await this.#change();
    }
  }

  async end(): Promise<void> {
    while (!this.closed) await this.#change();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy();
    await this.end();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

export function connectPacket(options: object = {}): Packet {
  return {
    ...{
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'raw',
      keepalive: 60,
    },
    ...{ username: 'sensor', password: Buffer.from('correct horse'), ...options },
  };
}

export function publishPacket(topic: string, payload: string, options: object = {}): Packet {
  return {
    ...{ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false },
    ...{ messageId: 1, ...options },
  };
}
