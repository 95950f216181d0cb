import type { IClientOptions, IPublishPacket, ISubscriptionMap, MqttClient } from 'mqtt';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { topicMatches } from '../../lib/topic-filter.ts';
import type { BridgeSpec } from '../../manifests/network.ts';
import { AgentError } from '../errors.ts';
import type { PublishHere } from './ports.ts';
import { mapTopic } from './topic-mapping.ts';

export type BridgeInletOptions = {
  readonly bridge: string;
  readonly entries: BridgeSpec['in'];
  readonly device: string;
  readonly publish: PublishHere;
  readonly logger: Logger;
};

export type InletStatus = {
  /** Since the start of the agent. */
  readonly received: number;
  /** What no rule of this device takes, such as a topic that it cannot have; acknowledged and dropped. */
  readonly refused: number;
};

/**
 * Takes messages of another broker over: acknowledged there only when they are on disk here. [G1] The session there outlives
 * the connection, so that what is published meanwhile comes later.
 */
export class BridgeInlet {
  readonly #options: BridgeInletOptions;
  /** Packets of QoS 2 that were taken and not released yet: a repetition is not taken again [MQTT-4.3.3]. */
  readonly #taken = new Set<number>();
  #subscribed = false;
  #received = 0;
  #refused = 0;

  constructor(options: BridgeInletOptions) {
    this.#options = options;
  }

  get status(): InletStatus {
    return { received: this.#received, refused: this.#refused };
  }

  /** For a client that is about to connect. */
  prepare(client: MqttClient): IClientOptions {
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'pubrel' && packet.messageId !== undefined) this.#taken.delete(packet.messageId);
    });
    client.handleMessage = (packet, done) => {
      if (packet.qos > 0) done();
      else
        void this.#take(packet).then(
          () => done(),
          () => done(),
        );
    };
    return {
      // Before PUBACK and PUBREC: mqtt.js itself takes a message of QoS 2 over after PUBREL, which would lose it in a crash.
      customHandleAcks: (_topic, _payload, packet: IPublishPacket, done) => {
        this.#take(packet).then(
          () => done(0),
          (error: unknown) => {
            this.#options.logger.warn('bridge.message.untaken', { error: errorMessage(error) });
            // Not acknowledged: it comes again over the next connection.
            client.stream.destroy();
          },
        );
      },
    };
  }

  /** Subscribes, once a start of the agent as long as the other broker remembers it, for that repeats retained messages. */
  async subscribe(client: MqttClient, resumed: boolean): Promise<void> {
    if (!resumed) this.#taken.clear();
    if (resumed && this.#subscribed) return;
    const { entries, logger } = this.#options;
    const filters: ISubscriptionMap = {};
    for (const { topics, qos } of entries) for (const topic of topics) filters[topic] ??= { qos };
    const granted = await client.subscribeAsync(filters);
    for (const { topic, qos } of granted) {
      const asked = filters[topic]?.qos;
      if (asked !== undefined && qos < asked)
        logger.warn('bridge.subscription.lowered', { filter: topic, asked, qos });
    }
    this.#subscribed = true;
  }

  /** Ends subscriptions that are not wanted any more, such as when the bridge goes. */
  async unsubscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
    if (filters.length > 0) await client.unsubscribeAsync([...filters]);
  }

  async #take(packet: IPublishPacket): Promise<void> {
    const { messageId = 0, qos } = packet;
    if (qos === 2 && this.#taken.has(messageId)) return;
    await this.#accept(packet);
    if (qos === 2) this.#taken.add(messageId);
  }

  async #accept({ topic, payload: data, qos }: IPublishPacket): Promise<void> {
    const { bridge, entries, device, publish, logger } = this.#options;
    const entry = entries.find(({ topics }) => topics.some((filter) => topicMatches(filter, topic)));
    // Of a subscription of an earlier generation.
    if (!entry) return;
    const mapped = mapTopic(topic, entry, device);
    const payload = typeof data === 'string' ? Buffer.from(data) : data;
    if (mapped === undefined) {
      this.#refuse('no topic of this device', topic);
      return;
    }
    const message = { topic: mapped, payload, qos, retain: entry.retain, origin: bridge };
    try {
      await publish(message);
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'tooLarge') throw error;
      this.#refuse(error.message, topic);
      return;
    }
    this.#received++;
    logger.debug('bridge.message.taken', { topic: mapped, bytes: payload.byteLength });
  }

  #refuse(reason: string, topic: string): void {
    this.#refused++;
    this.#options.logger.warn('bridge.message.refused', { reason, topic: topic.slice(0, 200) });
  }
}
