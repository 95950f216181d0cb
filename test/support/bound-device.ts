import { DataPlane } from '../../agent/data-plane.ts';
import { createFetch } from '../../agent/outside/fetch.ts';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { FunctionRuntime } from '../../functions/index.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { bundleOf } from './function-sandbox.ts';
import { machineWith, temporaryFolder } from './data-plane.ts';

/** `code`: the inside of `export default { … }`, or a whole module. */
export type BoundFunctions = Record<string, { readonly code: string } & Record<string, unknown>>;

export type BoundDevice = AsyncDisposable & {
  readonly plane: DataPlane;
  readonly runtime: FunctionRuntime;
  readonly secrets: SecretStore;
  readonly events: LogEvent[];
  configure(functions: BoundFunctions): Promise<void>;
  invoke(name: string, payload?: unknown, signal?: AbortSignal): Promise<unknown>;
};

/** Honest functions get time enough on a busy machine. */
const roomy = { memory: '64MiB', cpu: '10s', timeout: '30s' };

/** Real functions on a real store with everything they may be bound to, as the agent wires them. */
export async function openBoundDevice(
  functions: BoundFunctions,
  now = () => new Date(),
): Promise<BoundDevice> {
  await using starting = new AsyncDisposableStack();
  const root = starting.use(await temporaryFolder()).path;
  const events: LogEvent[] = [];
  const logger = createLogger((event) => events.push(event));
  const secrets = await SecretStore.open(root);
  const network = starting.use(createFetch());
  const runtime = starting.use(
    await FunctionRuntime.open({
      logger,
      onLog: () => undefined,
      now: () => now().getTime(),
      outside: {
        fetch: network.fetch,
        secret: (name) => secrets.get(name),
        invoke: (name, event, options) => plane.call(name, event, options),
      },
    }),
  );
  const mqtt = { host: '127.0.0.1', port: 0 };
  const plane: DataPlane = starting.use(await DataPlane.open({ root, mqtt, runtime, secrets, logger, now }));
  const configure = async (wanted: BoundFunctions): Promise<void> => {
    const specs = Object.entries(wanted).map(([name, { code: _, limits, ...spec }]) => [
      name,
      { ...spec, limits: { ...roomy, ...(limits as object | undefined) } },
    ]);
    const machine = await machineWith({ functions: Object.fromEntries(specs) as Record<string, object> });
    const bundles = Object.entries(wanted).map(
      ([name, { code }]) =>
        [name, bundleOf(code.includes('export ') ? code : `export default { ${code} };`)] as const,
    );
    await plane.configure(machine, new Map(bundles));
  };
  await configure(functions);
  const owned = starting.move();
  return {
    ...{ plane, runtime, secrets, events, configure },
    invoke: (name, payload, signal = new AbortController().signal) => plane.invoke(name, payload, { signal }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
