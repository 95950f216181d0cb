/** Where aedes' emitter finds the listeners of a topic; it would search at every message anew. */
export type Matcher<Listener = unknown> = {
  add(filter: string, listener: Listener): unknown;
  remove(filter: string, listener?: Listener): unknown;
  match(topic: string): Listener[];
};

const maxTopics = 1000;
/** Of one topic: to serve many takes longer than to find them, and each remembered one is memory. */
const maxListeners = 16;

/** Makes a matcher remember what it found, until somebody subscribes or unsubscribes. */
export function rememberMatches<Listener>(matcher: Matcher<Listener>): void {
  const known = new Map<string, Listener[]>();
  const search = matcher.match.bind(matcher);
  for (const change of ['add', 'remove'] as const) {
    const apply = matcher[change].bind(matcher);
    matcher[change] = (filter: string, listener: Listener) => {
      known.clear();
      return apply(filter, listener);
    };
  }
  matcher.match = (topic) => {
    const remembered = known.get(topic);
    if (remembered) return remembered;
    const found = search(topic);
    if (known.size >= maxTopics) known.clear();
    if (found.length <= maxListeners) known.set(topic, found);
    return found;
  };
}
