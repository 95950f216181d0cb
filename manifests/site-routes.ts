/** What a site takes of the gateway: its route itself, which leads to `route/`, and all below it. */
export function siteRoutes(route: string): [exact: string, below: string] {
  const base = siteBase(route);
  return [base === '' ? '/' : base, `${base}/*`];
}

/** `/handbook` of `/handbook`, `/handbook/` and `/handbook/*`; empty for `/`. */
export function siteBase(route: string): string {
  return route.replace(/\/\*?$/, '');
}
