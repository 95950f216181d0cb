import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import { idOf, payloadOf, type SentMessage, type SentMessages } from './sent-messages.ts';

export type PublisherOptions = {
  readonly name: string;
  readonly stream: string;
  readonly topic: string;
  readonly qos: 1 | 2;
  readonly bytes: number;
  /** Without an acknowledgement at once. */
  readonly window: number;
  /** Between its messages, about. */
  readonly pauseMs: number;
  readonly port: number;
  readonly password: string;
  readonly sent: SentMessages;
};

/** A device on the LAN with a durable session: it publishes for ever and gives no message up before its acknowledgement. */
export class Publisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #client: MqttClient;
  readonly #open = new Set<SentMessage>();
  #next = 1;
  #paused = false;
  #stopped = false;
  readonly #loop: Promise<void>;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { name, port, password, sent } = options;
    this.#client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
      ...{ clientId: name, username: 'sensor', password, clean: false },
      ...{ reconnectPeriod: 100, connectTimeout: 5000, keepalive: 10 },
    });
    this.#client.on('error', () => undefined);
    this.#client.on('packetsend', (packet) => {
      if (packet.cmd !== 'publish') return;
      const message = sent.get(idOf(Buffer.from(packet.payload)));
      if (message) message.sends += 1;
    });
    this.#loop = this.#run();
  }

  get unacknowledged(): number {
    return this.#open.size;
  }

  pause(paused: boolean): void {
    this.#paused = paused;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await this.#client.endAsync(true).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { window, pauseMs, name: publisher, stream, qos, sent } = this.#options;
    while (!this.#stopped) {
      await sleep(pauseMs);
      if (this.#paused || !this.#client.connected || this.#open.size >= window) continue;
      const message = sent.begin({ publisher, n: this.#next++, stream, qos });
      this.#open.add(message);
      this.#publish(message);
    }
  }

  #publish(message: SentMessage): void {
    const { topic, qos, bytes, sent } = this.#options;
    message.publications += 1;
    this.#client.publish(topic, payloadOf(message.id, bytes), { qos }, (error) => {
      if (!error) {
        this.#open.delete(message);
        sent.acknowledge(message);
      } else if (!this.#stopped) setTimeout(() => this.#publish(message), 100);
    });
  }
}
