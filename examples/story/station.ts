import mqtt, { type MqttClient } from 'mqtt';
import type { Reading } from './weather.ts';

export type StationOptions = {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly topic: string;
};

/** Publications that may wait for their PUBACK at once. */
const inFlight = 50;

/**
 * A weather station on the device's LAN: an ordinary MQTT client that knows nothing of Holdfast. It publishes with QoS 1
 * and sends again what was not acknowledged, as MQTT 3.1.1 (§4.4) wants.
 */
export class Station implements AsyncDisposable {
  readonly #client: MqttClient;
  readonly #topic: string;

  constructor({ port, username, password, topic }: StationOptions) {
    this.#topic = topic;
    this.#client = mqtt.connect({
      host: '127.0.0.1',
      port,
      username,
      password,
      clientId: username,
      clean: false,
      reconnectPeriod: 250,
      connectTimeout: 5000,
      keepalive: 10,
    });
    // While the device is away the client keeps trying; its errors are no news.
    this.#client.on('error', () => undefined);
  }

  /** Resolves when the device has acknowledged every reading. `onAcknowledged` is told how many so far. */
  async replay(
    readings: readonly Reading[],
    onAcknowledged: (count: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let acknowledged = 0;
    const waiting = new Set<Promise<void>>();
    for (const reading of readings) {
      signal.throwIfAborted();
      const one = this.#publish(JSON.stringify(reading)).then(() => {
        waiting.delete(one);
        onAcknowledged((acknowledged += 1));
      });
      waiting.add(one);
      if (waiting.size >= inFlight) await Promise.race(waiting);
    }
    await Promise.all(waiting);
  }

  /**
   * mqtt.js gives up what it had not sent when a connection is lost that it was still repeating older messages on. Given to it
   * again at once, it keeps its place.
   */
  async #publish(payload: string): Promise<void> {
    for (;;) {
      try {
        await this.#client.publishAsync(this.#topic, payload, { qos: 1 });
        return;
      } catch (error) {
        if (this.#client.disconnecting) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true);
  }
}
