import { TokenBucket } from '../../lib/token-bucket.ts';
import type { FunctionSpec, Trigger } from '../../manifests/function.ts';
import type { Site } from '../apps/sites/site.ts';
import { RouteTable } from './route-table.ts';
import { siteEntries, type SiteRoute } from './site-route.ts';

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

/** The http triggers and the sites of one generation. */
export class HttpRoutes {
  readonly all: readonly HttpRoute[];
  readonly sites: readonly Site[];
  readonly #table: RouteTable<HttpRoute | SiteRoute>;

  /** What `previous` counted of a rate that stays goes on counting. Throws AgentError 'badInput'. */
  constructor(
    functions: Readonly<Record<string, FunctionSpec>>,
    previous?: HttpRoutes,
    sites: readonly Site[] = [],
  ) {
    const before = new Map(previous?.all.map((route) => [rateKey(route), route.rate]));
    this.all = Object.entries(functions).flatMap(([name, spec]) =>
      spec.on.flatMap((trigger) => ('http' in trigger ? [routeOf(name, spec, trigger, before)] : [])),
    );
    this.sites = sites;
    const entries = this.all.map((route) => [route.route, route] as const);
    this.#table = new RouteTable<HttpRoute | SiteRoute>([...entries, ...sites.flatMap(siteEntries)]);
  }

  match(path: string): HttpRoute | SiteRoute | undefined {
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
