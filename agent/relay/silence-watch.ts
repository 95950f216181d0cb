import type { MqttClient } from 'mqtt';

/** As MQTT has it for the server [MQTT-3.1.2-24]: nothing for one and a half of the keep-alive, and the link is dead. */
const deadAfter = 1.5;
/** A connection that lived this long was not ended by a patience that is too short for the line. */
const goodLinkMs = 60_000;
const maxPatience = 16;

/**
 * Ends a connection on which no byte has come for too long, as after a cut cable. A slow line that is still busy with what we send
 * looks the same: so while something is unacknowledged, each such end in a row doubles how long the next is waited for.
 */
export class SilenceWatch {
  #patience = 1;

  /** Calls back once when the connection went silent. Returns what ends the watch. */
  watch(client: MqttClient, keepAliveMs: number, onSilent: (silentMs: number) => void): () => void {
    const startedAt = performance.now();
    let heardAt = startedAt;
    const hear = (): void => {
      heardAt = performance.now();
    };
    client.stream.on('data', hear);
    const timer = setInterval(
      () => {
        const now = performance.now();
        if (now - heardAt <= keepAliveMs * deadAfter * this.#patience) return;
        stop();
        if (now - startedAt > goodLinkMs) this.#patience = 1;
        if (unacknowledged(client)) this.#patience = Math.min(maxPatience, this.#patience * 2);
        onSilent(Math.round(now - heardAt));
      },
      Math.min(250, keepAliveMs / 8),
    );
    const stop = (): void => {
      clearInterval(timer);
      client.stream.off('data', hear);
    };
    return stop;
  }
}

function unacknowledged(client: MqttClient): boolean {
  return Object.keys(client.outgoing).length > 0;
}

/**
 * For mqtt.js: PINGREQ after each keep-alive, and no end of its own, which it would make half a keep-alive after an unanswered
 * one even while bytes come in. `SilenceWatch` ends the connection.
 */
export const pingsOnly = {
  set: (tick: () => void, everyMs: number): number => {
    let ticks = 0;
    // mqtt.js pings at the second tick, and gives up at the third.
    const timer = setInterval(() => {
      ticks += 1;
      if (ticks <= 2) tick();
    }, everyMs);
    return timer[Symbol.toPrimitive]();
  },
  clear: (timer: number): void => clearInterval(timer),
};
