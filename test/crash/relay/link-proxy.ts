import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket, connect as connectTls } from 'node:tls';
import type { LinkFault } from './link-fault.ts';
import { MqttPackets, publishedTopic } from '../../support/mqtt-packets.ts';

/** As which the proxy answers the device, and as which it goes to the cloud: the device's own. PEM. */
export type LinkCredentials = {
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly ca: string; readonly cert: string; readonly key: string };
};

type Direction = 'up' | 'down';
type Side = { readonly raw: Socket; readonly tls: TLSSocket };
/** What the next packets of the relay are due to. */
type Duty = Extract<LinkFault, { packets: number }>;

const isRelay = { up: /\/relay$/, down: /\/relay\/ack$/ } as const;
/** A packet that is held back goes at the latest now. */
const heldMs = 300;

/** The line between device and cloud. It ends TLS on both sides, so that it can tell batches from acknowledgements. */
export class LinkProxy implements AsyncDisposable {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #credentials: LinkCredentials | undefined;
  #refusing = false;
  #lastAckMs = 0;

  /** Refuses every connection until it has credentials. */
  static async open(targetPort: number): Promise<LinkProxy> {
    const proxy = new LinkProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** When the newest acknowledgement of the cloud came by, as `performance.now()` says. */
  get lastAckMs(): number {
    return this.#lastAckMs;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  use(credentials: LinkCredentials): void {
    this.#credentials = credentials;
  }

  /** Does it to the connections of now; resolves when it is over, or at once when it lasts by itself. */
  async inflict(fault: LinkFault): Promise<void> {
    const links = [...this.#links];
    if (fault.kind === 'partition') {
      this.#refusing = true;
      for (const link of links) link.reset();
      await sleep(fault.ms);
      this.#refusing = false;
      return;
    }
    await Promise.all(links.map((link) => link.inflict(fault)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const link of this.#links) link.reset();
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#refusing || !this.#credentials) {
      socket.resetAndDestroy();
      return;
    }
    const link = new Link(
      socket,
      this.#targetPort,
      this.#credentials,
      () => (this.#lastAckMs = performance.now()),
    );
    this.#links.add(link);
    void link.ended.then(() => this.#links.delete(link));
  }
}

class Link {
  readonly ended: Promise<unknown>;
  readonly #device: Side;
  readonly #cloud: Side;
  /** Nothing passes until it is settled. */
  readonly #gates: Record<Direction, Promise<void> | undefined> = { up: undefined, down: undefined };
  readonly #duties: Record<Direction, Duty[]> = { up: [], down: [] };
  readonly #held: Record<Direction, Buffer[]> = { up: [], down: [] };
  readonly #onAck: () => void;
  #bytesPerMs = Number.POSITIVE_INFINITY;
  /** Nobody hears any more that the other one went. */
  #severed = false;

  constructor(socket: Socket, targetPort: number, { server, client }: LinkCredentials, onAck: () => void) {
    this.#onAck = onAck;
    socket.setNoDelay(true);
    this.#device = { raw: socket, tls: new TLSSocket(socket, { isServer: true, ...server }) };
    const raw = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    this.#cloud = { raw, tls: connectTls({ socket: raw, ...client, servername: 'localhost' }) };
    for (const { raw, tls } of [this.#device, this.#cloud]) {
      tls.on('error', () => undefined);
      raw.on('error', () => undefined);
    }
    this.ended = Promise.all([
      this.#carry('up', this.#device, this.#cloud),
      this.#carry('down', this.#cloud, this.#device),
    ]);
  }

  reset(): void {
    for (const { raw, tls } of [this.#device, this.#cloud]) {
      raw.resetAndDestroy();
      tls.destroy();
    }
  }

  async inflict(fault: Exclude<LinkFault, { readonly kind: 'partition' }>): Promise<void> {
    switch (fault.kind) {
      case 'reset':
        this.reset();
        return;
      case 'halfOpen':
        this.#severed = true;
        this.#close('up', new Promise(() => undefined));
        this.#close('down', new Promise(() => undefined));
        return;
      case 'stall':
        for (const direction of fault.directions) this.#close(direction, sleep(fault.ms));
        await sleep(fault.ms);
        if (fault.thenReset) this.reset();
        return;
      case 'throttle':
        this.#bytesPerMs = fault.bytesPerMs;
        await sleep(fault.ms);
        this.#bytesPerMs = Number.POSITIVE_INFINITY;
        return;
      case 'cut':
      case 'drop':
      case 'repeat':
      case 'swap':
        this.#duties[fault.direction].push({ ...fault });
        return;
      default:
        fault satisfies never;
    }
  }

  #close(direction: Direction, until: Promise<void>): void {
    const gate = Promise.all([this.#gates[direction], until]).then(() => {
      if (this.#gates[direction] === gate) this.#gates[direction] = undefined;
    });
    this.#gates[direction] = gate;
  }

  async #carry(direction: Direction, from: Side, to: Side): Promise<void> {
    const packets = new MqttPackets();
    const closed = closeOf(from.raw);
    try {
      for await (const chunk of from.tls) {
        for (const packet of packets.push(chunk as Buffer)) {
          const gate = this.#gates[direction];
          if (gate) await Promise.race([gate, closed]);
          if (this.#bytesPerMs < Number.POSITIVE_INFINITY) await sleep(packet.length / this.#bytesPerMs);
          if (isRelay[direction].test(publishedTopic(packet) ?? '')) this.#perform(direction, packet, to);
          else this.#write(to, packet);
        }
        if (to.tls.writableNeedDrain) await Promise.race([drainOf(to.tls), closeOf(to.raw)]);
      }
    } catch {
      // One side is gone; what the other one is told depends on the fault.
    }
    from.raw.destroy();
    if (this.#severed) await closeOf(to.raw);
    to.tls.end();
    to.raw.destroySoon();
  }

  #perform(direction: Direction, packet: Buffer, to: Side): void {
    if (direction === 'down') this.#onAck();
    const [duty] = this.#duties[direction];
    const held = this.#held[direction];
    if (!duty) {
      this.#write(to, packet);
      return;
    }
    duty.packets -= 1;
    if (duty.packets <= 0) this.#duties[direction].shift();
    switch (duty.kind) {
      case 'cut':
        this.#write(to, packet.subarray(0, Math.ceil(packet.length / 2)));
        // What was written has to be on its way before the line breaks in the middle of a packet.
        setTimeout(() => this.reset(), 5);
        this.#close(direction, new Promise(() => undefined));
        break;
      case 'drop':
        break;
      case 'repeat':
        this.#write(to, packet);
        this.#write(to, packet);
        break;
      case 'swap':
        held.push(packet);
        setTimeout(() => {
          for (const late of held.splice(0)) this.#write(to, late);
        }, heldMs);
        break;
      default:
        duty.kind satisfies never;
    }
  }

  #write({ tls }: Side, bytes: Buffer): void {
    if (tls.writable) tls.write(bytes);
  }
}

/** `once` of node:events would reject with the error of a connection that is cut. */
const closeOf = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once('close', resolve)));
const drainOf = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once('drain', () => resolve(undefined)));
