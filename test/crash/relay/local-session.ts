import mqtt, { type MqttClient } from 'mqtt';
import { idOf } from './sent-messages.ts';

/** A subscriber of the device with a durable session; it subscribes once in its life. */
export class LocalSession implements AsyncDisposable {
  readonly received = new Set<string>();
  readonly problems: string[] = [];
  readonly #client: MqttClient;

  private constructor(client: MqttClient) {
    this.#client = client;
    let isFirst = true;
    client.on('error', () => undefined);
    client.on('connect', ({ sessionPresent }) => {
      if (!isFirst && !sessionPresent) this.problems.push('the durable session was forgotten');
      isFirst = false;
    });
    client.on('message', (_, payload) => this.received.add(idOf(payload)));
  }

  static async open(port: number, password: string, filter: string): Promise<LocalSession> {
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
      ...{ clientId: 'listener', username: 'sensor', password, clean: false, resubscribe: false },
      ...{ reconnectPeriod: 100, connectTimeout: 5000, keepalive: 10 },
    });
    const session = new LocalSession(client);
    await client.subscribeAsync(filter, { qos: 1 });
    return session;
  }

  /** Ends the connection, not the session. */
  async leave(): Promise<void> {
    await this.#client.endAsync();
  }

  comeBack(): void {
    if (this.#client.disconnecting || this.#client.disconnected) this.#client.reconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true).catch(() => undefined);
  }
}
