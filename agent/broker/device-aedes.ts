import { Aedes, type Client, type PublishPacket } from 'aedes';
import { rememberMatches, type Matcher } from './remembered-matches.ts';
import type { RetainedMessages } from './retained-messages.ts';

type Done = (error?: Error | null) => void;

/** What the broker class has and leaves out of its types. */
type Internals = {
  readonly mq: { emit(packet: object, done: Done): void; readonly _matcher: Matcher };
  readonly clients: Readonly<Record<string, Client>>;
  counter: number;
};
/** What it does with a client when CONNECT succeeded and when its connection ended. */
type Register = Record<'_finishRegisterClient' | 'unregisterClient', (client: Client) => void>;

type Options = ConstructorParameters<typeof Aedes>[0];

/**
 * aedes with the way of a message cut short. What is published here is on disk already, queues of sessions included, and the
 * retained messages are in memory: no step waits, so that messages reach subscribers in the order in which they were published.
 * (aedes' own way has steps of different lengths, and takes one that was overtaken for a repetition.)
 */
export class DeviceAedes extends Aedes {
  readonly #retained: RetainedMessages;

  constructor(options: Options, retained: RetainedMessages) {
    super(options);
    this.#retained = retained;
    rememberMatches((this as unknown as Internals).mq._matcher);
    this.#guardRegister();
  }

  /** Called by aedes with the publishing client too, in front of `done`. */
  override publish(packet: PublishPacket, ...rest: readonly unknown[]): void {
    const done = (rest.findLast((argument) => typeof argument === 'function') ?? (() => undefined)) as Done;
    const { topic, qos, retain } = packet;
    // News of brokers for each other: there is one, and no client may hear of them.
    if (topic.startsWith('$SYS/')) {
      done();
      return;
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    if (retain) this.#retained.put({ topic, payload, qos });
    const broker = this as unknown as Internals;
    const brokerCounter = ++broker.counter;
    broker.mq.emit(
      { cmd: 'publish', brokerId: this.id, brokerCounter, topic, payload, qos, retain, dup: false },
      done,
    );
  }

  /**
   * A client may go while its CONNECT is under way. aedes would then keep it for ever, for its end was already; or, at its end,
   * forget another connection that has the same id and is well. And of several that take the same id over at once it would
   * let more than one stay [MQTT-3.1.4-2].
   */
  #guardRegister(): void {
    const aedes = this as unknown as Internals & Register;
    const { _finishRegisterClient: register, unregisterClient: unregister } = aedes;
    aedes._finishRegisterClient = (client) => {
      const other = aedes.clients[client.id];
      if (client.closed) return;
      if (other === undefined || other === client || other.closed) register.call(this, client);
      else other.close(() => aedes._finishRegisterClient(client));
    };
    aedes.unregisterClient = (client) => {
      if (aedes.clients[client.id] === client) unregister.call(this, client);
    };
  }
}
