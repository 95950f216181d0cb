import { siteBase, siteRoutes } from '../../manifests/site-routes.ts';
import type { Site } from '../apps/sites/site.ts';
import { canonicalPath, type CanonicalPath } from './canonical-path.ts';

export type SiteRoute = {
  /** As the manifest has it. */
  readonly route: string;
  readonly site: Site;
  /** In front of the paths below it, decoded: `/handbook`; empty for a site at `/`. */
  readonly base: string;
};

/** For the table of routes. */
export function siteEntries(site: Site): (readonly [route: string, target: SiteRoute])[] {
  const { route } = site;
  const pathname = URL.parse(`http://route${siteBase(route)}`)?.pathname ?? '/';
  const base = siteBase(canonicalPath(pathname)?.decoded ?? pathname);
  const target: SiteRoute = { route, site, base };
  const [exact, below] = siteRoutes(route);
  // What is below `/` has `/` in it.
  return exact === '/'
    ? [[below, target]]
    : [
        [exact, target],
        [below, target],
      ];
}

/** The path below the site, without a slash at its front; undefined for the route without its slash, null where no file can be. */
export function pathBelow(
  { base }: SiteRoute,
  { decoded, segments }: CanonicalPath,
): string | undefined | null {
  // An escaped slash is part of a name, and no file has one.
  if (decoded !== segments) return null;
  return decoded === base ? undefined : decoded.slice(base.length + 1);
}
