import { TokenBucket } from '../../lib/token-bucket.ts';
import type { FunctionSpec, Trigger } from '../../manifests/function.ts';
import { RouteTable } from './route-table.ts';

type HttpTrigger = Extract<Trigger, { http: string }>;

export type HttpRoute = {
  /** As the manifest has it. */
  readonly route: string;
  readonly function: string;
  /** Undefined: all of them. */
  readonly methods: readonly string[] | undefined;
  readonly auth: HttpTrigger['auth'];
  readonly bodyMaxBytes: number;
  /** Of one invocation. */
  readonly timeoutMs: number;
  /** Requests of this function that may run or wait at a time. */
  readonly maxInFlight: number;
  readonly rate: TokenBucket;
};

/** The http triggers of one generation. */
export class HttpRoutes {
  readonly all: readonly HttpRoute[];
  readonly #table: RouteTable<HttpRoute>;

  /** What `previous` counted of a rate that stays goes on counting. Throws AgentError 'badInput'. */
  constructor(functions: Readonly<Record<string, FunctionSpec>>, previous?: HttpRoutes) {
    const before = new Map(previous?.all.map((route) => [rateKey(route), route.rate]));
    this.all = Object.entries(functions).flatMap(([name, spec]) =>
      spec.on.flatMap((trigger) => ('http' in trigger ? [routeOf(name, spec, trigger, before)] : [])),
    );
    this.#table = new RouteTable(this.all.map((route) => [route.route, route]));
  }

  match(path: string): HttpRoute | undefined {
    return this.#table.match(path);
  }
}

function routeOf(
  name: string,
  { limits }: FunctionSpec,
  { http, methods, auth, rate, body }: HttpTrigger,
  before: ReadonlyMap<string, TokenBucket>,
): HttpRoute {
  const route = {
    route: http,
    function: name,
    methods,
    auth,
    bodyMaxBytes: body,
    timeoutMs: limits.timeout,
    maxInFlight: limits.concurrency + limits.queue,
    rate: new TokenBucket(rate),
  };
  return { ...route, rate: before.get(rateKey(route)) ?? route.rate };
}

function rateKey({ route, function: name, rate }: Pick<HttpRoute, 'route' | 'function' | 'rate'>): string {
  return JSON.stringify([route, name, rate.rate]);
}
