import { allOf } from './all-of.ts';

/** Calls `stop` for each name: for those that come `after` another before it, the rest at the same time. */
export async function stopInOrder(
  names: ReadonlySet<string>,
  after: (name: string) => readonly string[],
  stop: (name: string) => Promise<void>,
): Promise<void> {
  const stops = new Map<string, Promise<void>>();
  const stopLast = async (name: string): Promise<void> => {
    await allOf([...names].filter((other) => after(other).includes(name)).map((other) => once(other)));
    await stop(name);
  };
  const once = (name: string): Promise<void> => {
    const stopping = stops.get(name) ?? stopLast(name);
    stops.set(name, stopping);
    return stopping;
  };
  await allOf([...names].map((name) => once(name)));
}
