import { URLPattern } from 'urlpattern-polyfill/urlpattern';

/** In an isolate `lazy/url-pattern.ts` stands in the place of this module. */
export function urlPatternClasses(): Record<string, unknown> {
  return { URLPattern };
}
