import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { listenOnOwnPort } from '../listen.ts';
import type { AgentMeter } from '../observability/metrics.ts';
import { AccessLog } from './access-log.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { HttpRoutes, type HttpRoute } from './http-routes.ts';
import { limits } from './limits.ts';
import type { CallFunction, SecretSource } from './ports.ts';
import { RequestHandler } from './request-handler.ts';

export type GatewayOptions = {
  /** The agent's root folder, where the port is kept. */
  readonly root: string;
  readonly host: string;
  /** 0: the port chosen at an earlier start, else a free one. */
  readonly port: number;
  readonly call: CallFunction;
  readonly secrets: SecretSource;
  readonly meter?: AgentMeter | undefined;
  readonly logger: Logger;
};

type RouteStatus = {
  readonly route: string;
  readonly function: string;
  readonly methods: string[] | null;
  readonly auth: 'local' | 'public' | 'bearer';
  readonly problem: string | null;
};

export type GatewayStatus = {
  readonly host: string;
  /** Null until it listens. */
  readonly port: number | null;
  readonly problem: string | null;
  readonly inFlight: number;
  readonly routes: RouteStatus[];
  readonly sites: { readonly route: string; readonly app: string }[];
};

/**
 * The HTTP/1.1 server in front of functions with an `http` trigger and of sites. It opens its port with the first generation that has
 * one and keeps it. A port that another program has is no fault of a generation: it is a visible problem, and tried again.
 */
export class Gateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  readonly #handler: RequestHandler;
  readonly #missingSecrets = new Set<string>();
  #routes = new HttpRoutes({});
  #server: Server | undefined;
  #port: number | undefined;
  #problem: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #connections = new ConnectionLimit(limits.connectionsPerClient);
  readonly #stopListening: () => void;

  constructor(options: GatewayOptions) {
    const { call, secrets, meter, logger } = options;
    this.#options = options;
    this.#handler = new RequestHandler({
      ...{ call, secrets, routes: () => this.#routes, log: new AccessLog(logger, undefined, meter) },
      onSecret: (name, isThere) => this.#noteSecret(name, isThere),
    });
    this.#stopListening = secrets.onChange(() => void this.#lookForSecrets());
  }

  /** The routes of the last generation, so that the next counts on. */
  get routes(): HttpRoutes {
    return this.#routes;
  }

  /** From the next request on; those under way end by the routes they came by. Resolves once it listens, or knows why not. */
  async setRoutes(routes: HttpRoutes): Promise<void> {
    this.#routes = routes;
    await this.#lookForSecrets();
    if (routes.all.length + routes.sites.length > 0 && !this.#server) await this.#open();
  }

  /** Undefined before the first http trigger or site. */
  status(): GatewayStatus | undefined {
    if (!this.#server) return undefined;
    const routes = this.#routes.all.map((route) => ({
      ...{ route: route.route, function: route.function, methods: route.methods ? [...route.methods] : null },
      auth: typeof route.auth === 'object' ? ('bearer' as const) : route.auth,
      problem: this.#problemOf(route) ?? null,
    }));
    return {
      host: this.#options.host,
      port: this.#port ?? null,
      problem: this.#problem ?? null,
      inFlight: this.#handler.inFlight,
      routes,
      sites: this.#routes.sites.map(({ route, app }) => ({ route, app })),
    };
  }

  /** Why a function cannot be reached by a route of its own. */
  problemOf(functionName: string): string | undefined {
    const routes = this.#routes.all.filter((route) => route.function === functionName);
    if (routes.length === 0) return undefined;
    return (
      this.#problem ?? routes.map((route) => this.#problemOf(route)).find((problem) => problem !== undefined)
    );
  }

  /** Takes nothing more, interrupts what runs and tells its callers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    clearTimeout(this.#retry);
    const server = this.#server;
    const closed = server?.listening ? once(server, 'close') : undefined;
    server?.close();
    await this.#handler[Symbol.asyncDispose]();
    server?.closeAllConnections();
    await closed;
  }

  /** Asked after a wait. */
  #isClosed(): boolean {
    return this.#closed;
  }

  async #open(): Promise<void> {
    const server = (this.#server ??= this.#createServer());
    const { root, host, port, logger } = this.#options;
    try {
      this.#port = await listenOnOwnPort(server, 'http', { root, host, port, logger });
      this.#problem = undefined;
      if (this.#isClosed()) server.close();
      logger.info('gateway.listening', { host, port: this.#port });
    } catch (error) {
      if (this.#problem === undefined)
        logger.error('gateway.unavailable', { code: errorCode(error), error: errorMessage(error) });
      this.#problem = errorMessage(error);
      if (!this.#isClosed()) this.#retry = setTimeout(() => void this.#open(), limits.retryListenMs);
    }
  }

  #createServer(): Server {
    const server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.timeoutCheckMs,
      keepAliveTimeout: limits.keepAliveMs,
      noDelay: true,
    });
    server.maxConnections = limits.connections;
    server.on('connection', (socket) => this.#connections.admit(socket));
    // Node would leave out what is over; the handler refuses instead.
    server.maxHeadersCount = 0;
    server.on('request', (request, response) => this.#handler.handle(request, response, false));
    server.on('checkContinue', (request, response) => this.#handler.handle(request, response, true));
    return server;
  }

  #problemOf({ auth }: HttpRoute): string | undefined {
    if (typeof auth !== 'object' || !this.#missingSecrets.has(auth.bearer)) return undefined;
    return `its token, the secret ${auth.bearer}, is not set on this device (holdfast secrets set ${auth.bearer})`;
  }

  async #lookForSecrets(): Promise<void> {
    const names = new Set(
      this.#routes.all.flatMap(({ auth }) => (typeof auth === 'object' ? [auth.bearer] : [])),
    );
    for (const name of names) {
      const value = await this.#options.secrets.get(name).catch(() => undefined);
      this.#noteSecret(name, value !== undefined);
    }
  }

  #noteSecret(name: string, isThere: boolean): void {
    if (isThere) this.#missingSecrets.delete(name);
    if (isThere || this.#missingSecrets.has(name)) return;
    this.#missingSecrets.add(name);
    this.#options.logger.warn('gateway.secret.missing', { secret: name });
  }
}
