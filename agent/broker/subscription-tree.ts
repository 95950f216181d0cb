export type Qos = 0 | 1 | 2;

type Node = {
  readonly children: Map<string, Node>;
  /** By subscriber. */
  readonly granted: Map<string, Qos>;
};

/** Topic filters by their levels: a topic finds its subscribers by as many steps as it has levels, however many there are. */
export class SubscriptionTree {
  readonly #root = createNode();
  #size = 0;

  /** Subscriptions. */
  get size(): number {
    return this.#size;
  }

  /** The filter is valid; a subscription to the same filter is replaced. */
  add(filter: string, subscriber: string, qos: Qos): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      const next = node.children.get(level) ?? createNode();
      node.children.set(level, next);
      node = next;
    }
    if (!node.granted.has(subscriber)) this.#size++;
    node.granted.set(subscriber, qos);
  }

  remove(filter: string, subscriber: string): void {
    const path: { readonly parent: Node; readonly level: string }[] = [];
    let node = this.#root;
    for (const level of filter.split('/')) {
      const next = node.children.get(level);
      if (!next) return;
      path.push({ parent: node, level });
      node = next;
    }
    if (!node.granted.delete(subscriber)) return;
    this.#size--;
    for (const { parent, level } of path.reverse()) {
      const child = parent.children.get(level);
      if (!child || child.children.size > 0 || child.granted.size > 0) return;
      parent.children.delete(level);
    }
  }

  /** Who subscribed to `topic`, each with the highest QoS of its subscriptions to it [MQTT-3.3.5-1]. */
  match(topic: string): Map<string, Qos> {
    const found = new Map<string, Qos>();
    const levels = topic.split('/');
    const first = this.#root;
    // [MQTT-4.7.2-1] No wildcard at the beginning selects a topic that begins with $.
    const isOwn = topic.startsWith('$');
    visit(first, levels, { at: 0, wild: !isOwn }, found);
    return found;
  }
}

type Place = { readonly at: number; readonly wild: boolean };

function visit(node: Node, levels: readonly string[], { at, wild }: Place, found: Map<string, Qos>): void {
  const { children } = node;
  // [MQTT-4.7.1-2] `#` selects the parent level too.
  const rest = wild ? children.get('#') : undefined;
  if (rest) collect(rest, found);
  const level = levels[at];
  if (level === undefined) {
    collect(node, found);
    return;
  }
  const next = { at: at + 1, wild: true };
  const any = wild ? children.get('+') : undefined;
  if (any) visit(any, levels, next, found);
  const exact = children.get(level);
  if (exact) visit(exact, levels, next, found);
}

function collect(node: Node, found: Map<string, Qos>): void {
  for (const [subscriber, qos] of node.granted)
    if (qos >= (found.get(subscriber) ?? 0)) found.set(subscriber, qos);
}

function createNode(): Node {
  return { children: new Map(), granted: new Map() };
}
