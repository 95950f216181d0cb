import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { FunctionResponse } from '../../functions/index.ts';
import type { AccessEntry, AccessLog } from './access-log.ts';
import { refusedMethod } from './allowed-methods.ts';
import { BearerAccess } from './bearer-access.ts';
import { BodyBudget } from './body-budget.ts';
import { headersForFunction } from './headers.ts';
import type { HttpRoute, HttpRoutes } from './http-routes.ts';
import { limits } from './limits.ts';
import { requireLocal } from './local-access.ts';
import type { CallFunction, SecretSource } from './ports.ts';
import { readBody, refuseTooLarge } from './read-body.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { parseTarget, type RequestTarget } from './request-target.ts';
import { sendAnswer, sendRefusal } from './send.ts';
import { requireSiteAccess, serveSite } from './serve-site.ts';
import type { SiteRoute } from './site-route.ts';

export type RequestHandlerOptions = {
  readonly routes: () => HttpRoutes;
  readonly call: CallFunction;
  readonly secrets: SecretSource;
  readonly onSecret: (name: string, isThere: boolean) => void;
  readonly log: AccessLog;
};

type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The caller asked to be told before it sends its body. */
  readonly awaitsContinue: boolean;
  readonly invocation: string;
  /** Aborted when the caller is gone, the time is over or the gateway closes. */
  readonly ending: AbortController;
  route?: HttpRoute | SiteRoute;
  requestBytes: number;
};

/** Takes one request after the other from its first line to the last byte of its answer. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #bearer = new BearerAccess();
  readonly #budget = new BodyBudget();
  readonly #exchanges = new Map<Exchange, Promise<void>>();
  readonly #inFlight = new Map<string, number>();
  #closed = false;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#exchanges.size;
  }

  /** Never throws; the answer goes its way. */
  handle(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const exchange: Exchange = {
      ...{ request, response, awaitsContinue },
      ...{ invocation: randomUUID(), ending: new AbortController(), requestBytes: 0 },
    };
    response.once('close', () => exchange.ending.abort(callerGone));
    // Errors of a connection end in 'close'; without a listener they would end the process.
    for (const stream of [request, response]) stream.on('error', () => undefined);
    const work = this.#serve(exchange).finally(() => this.#exchanges.delete(exchange));
    this.#exchanges.set(exchange, work);
  }

  /** Interrupts what runs; its callers are told to come again. Resolves when they have been. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const { ending } of this.#exchanges.keys()) ending.abort(closing());
    await Promise.all(this.#exchanges.values());
  }

  async #serve(exchange: Exchange): Promise<void> {
    const startedMs = performance.now();
    const { request, response, invocation } = exchange;
    let failure: Refusal | undefined;
    let responseBytes = 0;
    try {
      responseBytes = await this.#answer(exchange);
    } catch (error) {
      failure = this.#explain(exchange, error);
      const canAnswer = failure !== callerGone && !response.headersSent && !response.destroyed;
      if (canAnswer) responseBytes = await sendRefusal(exchange, failure).catch(() => 0);
      else response.destroy();
    }
    const { route, requestBytes } = exchange;
    this.#options.log.write({
      ...{ method: request.method ?? '', route: route?.route, ...namesOf(route) },
      ...{ status: failure?.status ?? response.statusCode, ms: Math.round(performance.now() - startedMs) },
      ...{ requestBytes, responseBytes, invocation },
      ...(failure && { code: errorCode(failure.cause) ?? failure.code }),
      ...(failure?.cause !== undefined && { error: errorMessage(failure.cause).slice(0, 2048) }),
    });
  }

  /** A runtime wraps the reason of an abort; what ended the exchange is said once, here. */
  #explain({ ending, request }: Exchange, error: unknown): Refusal {
    if (ending.signal.aborted) return refusalOf(ending.signal.reason);
    return request.destroyed && !request.complete ? callerGone : refusalOf(error);
  }

  /** Resolves to the bytes of the body that were sent. */
  async #answer(exchange: Exchange): Promise<number> {
    if (this.#closed) throw closing();
    const { request } = exchange;
    if (request.rawHeaders.length > 2 * limits.headers)
      throw new Refusal(431, 'tooManyHeaders', `There are more than ${limits.headers} header fields.`);
    const target = parseTarget(request);
    const route = this.#route(target);
    exchange.route = route;
    if ('site' in route) requireSiteAccess(request, target);
    else requireMethod(route, request.method ?? '');
    if (this.#exchanges.size > limits.inFlight)
      throw new Refusal(503, 'overloaded', 'Too many requests are under way.', { retryAfterMs: 1000 });
    if ('site' in route) return serveSite(exchange, route, target);
    return sendAnswer(exchange, await this.#callFunction(exchange, route, target));
  }

  async #callFunction(
    exchange: Exchange,
    route: HttpRoute,
    target: RequestTarget,
  ): Promise<FunctionResponse | undefined> {
    const { request } = exchange;
    await this.#authorize(exchange, route, target);
    const waitMs = route.rate.take();
    if (waitMs > 0)
      throw new Refusal(429, 'rateLimited', 'Too many requests for this route.', { retryAfterMs: waitMs });
    refuseTooLarge(request, route.bodyMaxBytes);
    using _place = this.#takePlace(route);
    return await this.#call(exchange, route, target);
  }

  #route({ path }: RequestTarget): HttpRoute | SiteRoute {
    const routes = this.#options.routes();
    const route = routes.match(path.decoded);
    if (!route) throw new Refusal(404, 'notFound', 'There is nothing here.');
    // A function may read an escaped slash either way: no route, and no `auth`, may be avoided by one.
    if (routes.match(path.segments) !== route)
      throw new Refusal(400, 'badRequest', 'The path has an escaped slash that makes it ambiguous.');
    return route;
  }

  async #authorize({ request }: Exchange, { auth }: HttpRoute, { url }: RequestTarget): Promise<void> {
    if (auth === 'public') return;
    if (auth === 'local') {
      requireLocal(request, url);
      return;
    }
    const expected = await this.#options.secrets.get(auth.bearer);
    this.#options.onSecret(auth.bearer, expected !== undefined);
    this.#bearer.require(request, expected);
  }

  #takePlace({ function: name, maxInFlight }: HttpRoute): Disposable {
    const taken = this.#inFlight.get(name) ?? 0;
    if (taken >= maxInFlight)
      throw new Refusal(503, 'queueFull', 'Too many requests wait for the function.', { retryAfterMs: 1000 });
    this.#inFlight.set(name, taken + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#inFlight.get(name) ?? 1) - 1;
        if (left === 0) this.#inFlight.delete(name);
        else this.#inFlight.set(name, left);
      },
    };
  }

  async #call(
    exchange: Exchange,
    { function: name, route, bodyMaxBytes, timeoutMs, auth }: HttpRoute,
    { url }: RequestTarget,
  ): Promise<FunctionResponse | undefined> {
    const { request, response, ending, invocation, awaitsContinue } = exchange;
    if (awaitsContinue) response.writeContinue();
    using body = await readBody(request, { maxBytes: bodyMaxBytes, budget: this.#budget });
    exchange.requestBytes = body.bytes.byteLength;
    ending.signal.throwIfAborted();
    const late = setTimeout(() => ending.abort(overdue()), timeoutMs + limits.queueWaitMs);
    try {
      const event = {
        kind: 'fetch',
        method: request.method ?? '',
        url: url.href,
        // The token is the gateway's matter: a function needs it no more.
        headers: headersForFunction(request.rawHeaders, {
          withheld: typeof auth === 'object' ? ['authorization'] : [],
          peer: request.socket.remoteAddress,
        }),
        body: body.bytes,
        route,
      } as const;
      return (await this.#options.call(name, event, { signal: ending.signal, invocation })).response;
    } finally {
      clearTimeout(late);
    }
  }
}

/** For the access log. */
function namesOf(route: HttpRoute | SiteRoute | undefined): Pick<AccessEntry, 'function' | 'app'> {
  if (route && 'site' in route) return { function: undefined, app: route.site.app };
  return { function: route?.function };
}

function requireMethod({ methods }: HttpRoute, method: string): void {
  const allow = refusedMethod(methods, method);
  if (allow === undefined) return;
  throw new Refusal(405, 'methodNotAllowed', 'This route does not take this method.', { headers: { allow } });
}

/** Nobody reads it; 499 is what logs call a caller that left. */
const callerGone = new Refusal(499, 'callerGone', 'The caller is gone.');

const closing = (): Refusal => new Refusal(503, 'closing', 'This device is closing.', { retryAfterMs: 5000 });

const overdue = (): Refusal =>
  new Refusal(503, 'queueFull', 'The request waited too long for its function.', { retryAfterMs: 5000 });
