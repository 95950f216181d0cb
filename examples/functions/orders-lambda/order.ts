export type Order = {
  readonly id: string;
  readonly customer: string;
  readonly lines: readonly { readonly sku: string; readonly count: number }[];
};

export class InvalidOrder extends Error {
  override readonly name = 'InvalidOrder';
}

/** Throws InvalidOrder, naming what is wrong. */
export function parseOrder(text: string): Order {
  const { id, customer, lines } = objectOf(text);
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id))
    throw new InvalidOrder('id: letters, digits and hyphens');
  if (typeof customer !== 'string' || customer === '') throw new InvalidOrder('customer: a name');
  if (!Array.isArray(lines) || lines.length === 0) throw new InvalidOrder('lines: at least one');
  return { id, customer, lines: lines.map(parseLine) };
}

function parseLine(line: unknown): Order['lines'][number] {
  const { sku, count } = (line ?? {}) as { sku?: unknown; count?: unknown };
  if (typeof sku !== 'string' || sku === '') throw new InvalidOrder('lines: each has a sku');
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) {
    throw new InvalidOrder(`lines: how many of ${sku}?`);
  }
  return { sku, count };
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new InvalidOrder('an order is a JSON object');
}
