import mqtt, { type MqttClient } from 'mqtt';
import { idOf } from './sent-messages.ts';

/** What one connection was given, by stream. */
type Stretches = Map<string, string[]>;

/** An operator's MQTT client at the cloud. It has no session: each connection is a stretch of its own. */
export class CloudListener implements AsyncDisposable {
  readonly #client: MqttClient;
  readonly #connections: Stretches[] = [];

  constructor(url: string, { ca, token }: { readonly ca: string; readonly token: string }, prefix: string) {
    this.#client = mqtt.connect(url, {
      ...{ ca, username: 'operator', password: token, clean: true, resubscribe: false },
      ...{ reconnectPeriod: 100, connectTimeout: 5000, keepalive: 10 },
    });
    this.#client.on('error', () => undefined);
    this.#client.on('connect', () => {
      this.#connections.push(new Map());
      this.#client.subscribe(`${prefix}/#`, { qos: 1 });
    });
    this.#client.on('message', (topic, payload) => {
      const [, stream = ''] = topic.slice(prefix.length + 1).split('/');
      const stretches = this.#connections.at(-1);
      const stretch = stretches?.get(stream);
      if (stretch) stretch.push(idOf(payload));
      else stretches?.set(stream, [idOf(payload)]);
    });
  }

  get received(): number {
    const counts = this.#connections.flatMap((stretches) =>
      [...stretches.values()].map(({ length }) => length),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  stretches(stream: string): readonly (readonly string[])[] {
    return this.#connections.flatMap((stretches) => {
      const stretch = stretches.get(stream);
      return stretch ? [stretch] : [];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true).catch(() => undefined);
  }
}
