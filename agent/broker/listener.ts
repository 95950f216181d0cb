import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import { constants } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, Server as TlsServer, TLSSocket } from 'node:tls';
import { digestOf } from '../../lib/digest.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { listenAt } from '../../lib/remembered-port.ts';
import type { ListenerSpec } from '../../manifests/network.ts';
import { explainListenFailure } from '../listen.ts';
import type { Admitted, ConnectionLimits } from './connection-limits.ts';
import type { Material } from './listener-certificates.ts';
import type { Peer } from './packet-guard.ts';
import { openWebSocketDoor } from './web-socket-door.ts';

const retryMs = 5000;
/** For a TLS handshake, and for the head of an HTTP request. */
const handshakeMs = 10_000;
const maxHeaderBytes = 8 * 1024;

export type ListenerOptions = {
  readonly name: string;
  readonly spec: ListenerSpec;
  readonly connections: ConnectionLimits;
  readonly connect: (stream: Duplex, peer: Peer, onAuthenticated: () => void) => void;
  /** Of `mqtts` and `wss`. */
  readonly material: () => Promise<Material>;
  readonly onChange: () => void;
  readonly logger: Logger;
};

/**
 * One more way to the broker. A port that another program has, or a certificate that is not there, is no fault of a generation:
 * it is a visible problem, and tried again.
 */
export class Listener implements AsyncDisposable {
  readonly spec: ListenerSpec;
  readonly #options: ListenerOptions;
  readonly #sockets = new Map<Socket, Admitted>();
  readonly #server: Server;
  #material: Material | undefined;
  #problem: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #state: 'closed' | 'opening' | 'open' | 'ended' = 'closed';

  constructor(options: ListenerOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#server = this.#create();
    // Before the server's own listener.
    this.#server.prependListener('connection', (socket: Socket) => this.#admit(socket));
  }

  /** Why it cannot be reached now. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves when it listens or knows why not; then it goes on trying. Asked again, it looks for a new certificate. */
  async open(): Promise<void> {
    clearTimeout(this.#retry);
    const { name, spec, logger } = this.#options;
    const before = this.#problem;
    try {
      await this.#renew();
      if (this.#state === 'closed') {
        this.#state = 'opening';
        await listenAt(this.#server, spec).catch((error: unknown) => {
          throw explainListenFailure(error, `Cannot listen for MQTT (${name}) on ${spec.host}:${spec.port}`);
        });
        this.#state = this.#settled('open');
        logger.info('mqtt.listening', {
          listener: name,
          protocol: spec.protocol,
          host: spec.host,
          port: spec.port,
        });
      }
      this.#problem = undefined;
    } catch (error) {
      this.#state = this.#settled('closed');
      this.#problem = errorMessage(error);
      if (before === undefined)
        logger.error('mqtt.listener.unavailable', {
          ...{ listener: name, code: errorCode(error), error: this.#problem },
        });
      if (this.#state === 'closed') this.#retry = setTimeout(() => void this.open(), retryMs).unref();
    }
    if (before !== this.#problem) this.#options.onChange();
  }

  /** Ends it and its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'ended';
    clearTimeout(this.#retry);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets.keys()) socket.destroy();
    await closed;
  }

  /** After a wait: it may have been ended, and then whatever came of it is too. A new certificate that fails closes nothing. */
  #settled(state: 'open' | 'closed'): 'open' | 'closed' | 'ended' {
    if (this.#state === 'ended') {
      this.#server.close();
      return 'ended';
    }
    return this.#server.listening ? 'open' : state;
  }

  /** New connections get the new certificate; the others stay. */
  async #renew(): Promise<void> {
    if (!(this.#server instanceof TlsServer) && !(this.#server instanceof HttpsServer)) return;
    const material = await this.#options.material();
    if (material.cert === this.#material?.cert && material.key === this.#material.key) return;
    this.#material = material;
    this.#server.setSecureContext({ cert: material.cert, key: material.key, ...tlsBounds });
  }

  #create(): Server {
    const { protocol } = this.#options.spec;
    const http = {
      ...{ maxHeaderSize: maxHeaderBytes, headersTimeout: handshakeMs, requestTimeout: handshakeMs },
      ...{ connectionsCheckingInterval: 2000, keepAliveTimeout: 1000 },
    };
    // Any certificate may be shown: whose it is says its fingerprint, and that the peer has its key the handshake.
    const tls = {
      ...{ requestCert: true, rejectUnauthorized: false, handshakeTimeout: handshakeMs, ...tlsBounds },
    };
    switch (protocol) {
      case 'mqtt':
        return createServer((socket) => this.#connect(socket, socket));
      case 'mqtts': {
        const server = createTlsServer(tls, (socket) => this.#connect(socket, socket));
        return server.on('tlsClientError', (_error, socket) => socket.destroy());
      }
      case 'ws': {
        const server = createHttpServer(http);
        openWebSocketDoor(server, (stream, { socket }) => this.#connect(stream, socket));
        return server;
      }
      case 'wss': {
        const server = createHttpsServer({ ...http, ...tls });
        openWebSocketDoor(server, (stream, { socket, headers }) =>
          // A browser shows its certificate for any page: there it proves nothing about the page.
          this.#connect(stream, socket, { fromPage: headers.origin !== undefined }),
        );
        return server.on('tlsClientError', (_error, socket) => socket.destroy());
      }
      default:
        return protocol satisfies never;
    }
  }

  #admit(socket: Socket): void {
    const admitted = this.#options.connections.admit(socket);
    if (!admitted) return;
    socket.setNoDelay(true);
    this.#sockets.set(socket, admitted);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #connect(stream: Duplex, socket: Socket, { fromPage = false } = {}): void {
    const { remoteAddress: address, remotePort } = socket;
    const admitted = this.#sockets.get(socket) ?? this.#admittedAt(address, remotePort);
    if (!admitted || this.#state === 'ended') {
      stream.destroy();
      return;
    }
    const peer = fromPage ? { address } : peerOf(socket, address);
    this.#options.connect(stream, peer, admitted.authenticated);
  }

  /** A TLS socket does not tell the socket below it. */
  #admittedAt(address: string | undefined, port: number | undefined): Admitted | undefined {
    for (const [socket, admitted] of this.#sockets)
      if (socket.remotePort === port && socket.remoteAddress === address) return admitted;
    return undefined;
  }
}

/** No tickets: each connection shows its certificate again. */
const tlsBounds = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const;

function peerOf(socket: Socket, address: string | undefined): Peer {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!certificate) return { address };
  return {
    ...{ address, fingerprint: digestOf(certificate.raw) },
    validFrom: certificate.validFromDate.getTime(),
    validTo: certificate.validToDate.getTime(),
  };
}
