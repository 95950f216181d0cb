import { Duplex } from 'node:stream';
import { readBuffered } from '../../lib/read-buffered.ts';
import type { OutgoingBudget } from './outgoing-budget.ts';

/** A byte stream as a listener brings it: a socket, a TLS socket, a WebSocket. */
export type Connection = Duplex;

export type Peer = {
  readonly address: string | undefined;
} & (
  | { readonly fingerprint?: undefined }
  /** `sha256:…` of the certificate that it has the key of, and the certificate's dates, milliseconds since 1970. */
  | { readonly fingerprint: string; readonly validFrom: number; readonly validTo: number }
);

export type PacketGuardOptions = {
  /** A CONNECT larger than this ends the connection. */
  readonly maxConnectBytes: number;
  /** So does any later packet larger than this. */
  readonly maxPacketBytes: number;
  readonly peer: Peer;
  readonly outgoing: OutgoingBudget;
  /** The peer proved who it is. */
  readonly onOpen: () => void;
};

/** What may wait to be read by the peer before whoever writes is asked to wait, and at all. */
const softWaitingBytes = 2 ** 20;
const maxWaitingBytes = 8 * 2 ** 20;

/** What is handed to the system at a time: a peer that does not take it for so long is not waited for by others any more … */
const pieceBytes = 64 * 1024;
const stallMs = 500;
/** … and let go after this much longer. */
const graceMs = 4500;

const connectHeader = 0x10;

/**
 * A socket as the broker may read it: one CONNECT of bounded size first, nothing after it until `open()`, then packets of
 * bounded size. The broker itself would buffer whatever length a packet announces, from anybody. What is not read here
 * stays in the kernel, so a peer without a credential costs one CONNECT of memory.
 */
export class PacketGuard extends Duplex {
  readonly #socket: Connection;
  readonly #options: PacketGuardOptions;
  #opened = false;
  #connected = false;
  /** Of the fixed header [MQTT-2.2]: bytes seen, and the length decoded so far. */
  #headerBytes = 0;
  #length = 0;
  /** Bytes of the present packet's body still to come. */
  #body = 0;
  #held: Buffer[] = [];
  /** What this turn of the event loop wrote: it goes out in one piece at its end. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** Its waiting bytes are counted. */
  #late = false;
  #stalled = false;
  #patience: NodeJS.Timeout | undefined;
  /** Messages that it was not sent because it had stalled. */
  missed = 0;

  constructor(socket: Connection, options: PacketGuardOptions) {
    super({ writableHighWaterMark: softWaitingBytes });
    this.#socket = socket;
    this.#options = options;
    // mqtt-packet corks for every packet, and asks for a tick to end that; what it writes is gathered here anyway.
    Object.defineProperty(this, 'cork', { value: undefined });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  get peer(): Peer {
    return this.#options.peer;
  }

  /** Bytes that were written and not taken by the system yet. */
  get waitingBytes(): number {
    return this.writableLength;
  }

  /** The peer has stopped reading. What need not reach it had better not be written. */
  get isStalled(): boolean {
    return this.#stalled;
  }

  /** The peer proved who it is: lets the rest through. */
  open(): void {
    this.#opened = true;
    this.#options.onOpen();
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) this.#take(chunk);
    this.#socket.resume();
  }

  /** aedes reads without a size and takes it that nothing is left. */
  override read(size?: number | null): Buffer | null {
    return typeof size === 'number'
      ? (super.read(size) as Buffer | null)
      : readBuffered(() => super.read() as Buffer | null);
  }

  override _read(): void {
    if (this.#held.length === 0) this.#socket.resume();
  }

  /** False asks for a pause; who goes on all the same is let go with the peer that does not read. */
  override write(chunk: unknown, encoding?: unknown, done?: unknown): boolean {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : chunk;
    const isPlain = done === undefined && typeof encoding !== 'function' && bytes instanceof Uint8Array;
    if (!isPlain || this.destroyed || this.writableEnded) {
      this.#flush();
      // It also throws, now, at what aedes then takes for a packet that is not valid.
      const flowing = super.write(chunk, encoding as BufferEncoding, done as () => void);
      if (!flowing) this.#wait();
      return flowing || this.#stalled;
    }
    if (this.#gathered.length === 0) setImmediate(() => this.#flush());
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes >= pieceBytes) this.#flush();
    return !this.writableNeedDrain || this.#stalled;
  }

  override end(chunk?: unknown, encoding?: unknown, done?: unknown): this {
    this.#flush();
    return super.end(chunk, encoding as BufferEncoding, done as () => void);
  }

  /** One system call for what one turn of the event loop writes: a group of messages is acknowledged at once. */
  #flush(): void {
    const bytes = this.#takeGathered();
    if (bytes.length === 0 || this.destroyed) return;
    if (!super.write(bytes)) this.#wait();
  }

  #wait(): void {
    if (this.destroyed) return;
    this.#note();
    if (this.writableLength > maxWaitingBytes) this.destroy(new Error('it reads too slowly'));
    else this.#patience ??= setTimeout(() => this.#stall(), stallMs).unref();
  }

  #takeGathered(): Buffer {
    const bytes = Buffer.concat(this.#gathered, this.#gatheredBytes);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    return bytes;
  }

  #stall(): void {
    this.#stalled = true;
    this.#patience = setTimeout(() => this.destroy(new Error('it has stopped reading')), graceMs).unref();
    // Whoever waits for it goes on.
    this.emit('drain');
  }

  /** The system took a piece. */
  #progress(): void {
    if (!this.#patience) return;
    clearTimeout(this.#patience);
    this.#stalled = false;
    const isLate = this.writableLength > softWaitingBytes;
    this.#patience = isLate ? setTimeout(() => this.#stall(), stallMs).unref() : undefined;
  }

  #note(): void {
    if (this.destroyed) return;
    this.#options.outgoing.note(this);
    this.#late = this.writableLength > 0;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      const rest = at + pieceBytes;
      if (this.#socket.write(chunk.subarray(at, rest))) continue;
      this.#socket.once('drain', () => {
        this.#progress();
        if (rest < chunk.length) {
          this._write(chunk.subarray(rest), 'binary', done);
          return;
        }
        done();
        if (this.#late) this.#note();
      });
      return;
    }
    this.#progress();
    done();
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#held = [];
    clearTimeout(this.#patience);
    this.#options.outgoing.leave(this);
    // A refusal is written and the connection ended in the same turn.
    const refusal = this.#takeGathered();
    if (refusal.length > 0 && !this.#socket.destroyed) this.#socket.write(refusal);
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    if (this.destroyed) return;
    const passed = this.#inspect(chunk);
    if (passed === undefined) return;
    if (passed < chunk.length) {
      this.#held.push(chunk.subarray(passed));
      this.#socket.pause();
    }
    if (passed > 0 && !this.push(chunk.subarray(0, passed))) this.#socket.pause();
  }

  /** How many bytes may pass now, or undefined when the connection was ended. */
  #inspect(chunk: Buffer): number | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body > 0) {
        const step = Math.min(this.#body, chunk.length - at);
        this.#body -= step;
        at += step;
        continue;
      }
      if (this.#headerBytes === 0 && this.#connected && !this.#opened) return at;
      const problem = this.#header(chunk[at] ?? 0);
      if (problem !== undefined) {
        this.destroy(new Error(problem));
        return undefined;
      }
      at++;
    }
    return at;
  }

  #header(byte: number): string | undefined {
    this.#headerBytes++;
    if (this.#headerBytes === 1) {
      if (!this.#connected && byte !== connectHeader) return 'the first packet is not CONNECT'; // [MQTT-3.1.0-1]
      return undefined;
    }
    this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 2);
    const { maxConnectBytes, maxPacketBytes } = this.#options;
    const limit = this.#connected ? maxPacketBytes : maxConnectBytes;
    if (this.#length > limit) return `a packet of ${this.#length} bytes or more; at most ${limit} are taken`;
    if (byte & 0x80) return this.#headerBytes === 5 ? 'a malformed packet length' : undefined;
    this.#body = this.#length;
    this.#connected = true;
    this.#headerBytes = 0;
    this.#length = 0;
    return undefined;
  }
}
