import { AgentError } from '../errors.ts';
import { canonicalPath } from './canonical-path.ts';

/**
 * Which target a path belongs to: an exact route before prefixes, the longest prefix before shorter ones. `/shop/*` takes
 * `/shop` and everything below it. Routes are compared in their decoded form.
 */
export class RouteTable<Target> {
  readonly #exact = new Map<string, Target>();
  readonly #prefixes = new Map<string, Target>();
  #longestPrefix = 0;

  /** Throws AgentError 'badInput' for a route that is no path or is there twice. */
  constructor(entries: Iterable<readonly [route: string, target: Target]>) {
    for (const [route, target] of entries) this.#add(route, target);
  }

  /** `path`: decoded, as `canonicalPath` gives it. */
  match(path: string): Target | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return exact;
    // A prefix ends where a segment ends; longer ones than the longest are not asked for.
    let end = path.length;
    while (end > this.#longestPrefix) end = path.lastIndexOf('/', end - 1);
    for (; end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
      const target = this.#prefixes.get(path.slice(0, end));
      if (target !== undefined) return target;
    }
    return undefined;
  }

  #add(route: string, target: Target): void {
    const isPrefix = route.endsWith('/*');
    const path = isPrefix && route.length === 2 ? '' : canonicalRoute(isPrefix ? route.slice(0, -2) : route);
    const table = isPrefix ? this.#prefixes : this.#exact;
    if (table.has(path)) throw new AgentError('badInput', `The route ${route} is there twice`);
    table.set(path, target);
    if (isPrefix) this.#longestPrefix = Math.max(this.#longestPrefix, path.length);
  }
}

function canonicalRoute(route: string): string {
  const url = URL.parse(`http://route${route}`);
  const path = url && canonicalPath(url.pathname);
  if (path === null || path === undefined)
    throw new AgentError('badInput', `The route ${route} is not a path that a request could have`);
  return path.decoded;
}
