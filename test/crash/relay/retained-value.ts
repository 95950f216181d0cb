import mqtt, { type MqttClient } from 'mqtt';

const topic = 'state/level';

/** A retained message that is set to ever higher numbers. */
export class RetainedValue implements AsyncDisposable {
  readonly #client: MqttClient;
  readonly #url: string;
  readonly #credentials: { readonly username: string; readonly password: string };
  #sent = 0;
  #acked = 0;

  constructor(port: number, password: string) {
    this.#url = `mqtt://127.0.0.1:${port}`;
    this.#credentials = { username: 'sensor', password };
    this.#client = mqtt.connect(this.#url, {
      ...{ ...this.#credentials, clientId: 'level', clean: false, reconnectPeriod: 100, keepalive: 10 },
    });
    this.#client.on('error', () => undefined);
  }

  set(): void {
    const value = ++this.#sent;
    this.#client.publish(topic, String(value), { qos: 1, retain: true }, (error) => {
      if (!error) this.#acked = Math.max(this.#acked, value);
    });
  }

  /** Asks as a stranger would. A value that is not acknowledged may be there or not. */
  async check(): Promise<string[]> {
    const [acked, sent] = [this.#acked, this.#sent];
    const client = await mqtt.connectAsync(this.#url, { ...this.#credentials, reconnectPeriod: 0 }, false);
    try {
      const message = new Promise<number>((resolve) =>
        client.once('message', (_, payload) => resolve(Number(payload.toString()))),
      );
      const timer = setTimeout(() => client.end(true), 5000);
      const closed = new Promise<undefined>((resolve) => client.once('close', () => resolve(undefined)));
      await client.subscribeAsync(topic, { qos: 1 });
      const value = await Promise.race([message, closed]);
      clearTimeout(timer);
      if (value !== undefined && value >= acked && value <= sent) return [];
      return [`retained is ${value ?? 'nothing'}; ${acked} was acknowledged, ${sent} sent`];
    } finally {
      await client.endAsync(true);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true).catch(() => undefined);
  }
}
