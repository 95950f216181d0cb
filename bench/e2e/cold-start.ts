import { fileURLToPath } from 'node:url';
import { FunctionRuntime } from '../../functions/index.ts';
import { silentLogger } from '../../lib/logger.ts';
import { functionSchema } from '../../manifests/function.ts';
import { bundleOf } from '../functions/bundles.ts';
import { noEffects } from '../functions/ours.ts';
import { median } from '../statistics.ts';

const functions = 20;

/**
 * Milliseconds from handing a never-loaded function to a running host to the result of its first event: isolate, web
 * APIs, compilation, call. Median over functions.
 */
export async function coldStartMs(): Promise<number> {
  const signal = AbortSignal.timeout(120_000);
  const bundle = await bundleOf(fileURLToPath(new URL('./relay-function/index.ts', import.meta.url)));
  const spec = functionSchema.parse({
    bundle: 'functions/relay:latest',
    bindings: { OUT: { publish: 'out/events' } },
  });
  await using runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined });
  const event = {
    kind: 'message',
    topic: 'in/events',
    payload: Buffer.from('{}'),
    time: new Date().toISOString(),
  } as const;

  const times: number[] = [];
  for (let index = 0; index <= functions; index++) {
    const name = `cold-${index}`;
    const begun = performance.now();
    await runtime.deploy({ name, bundle, spec });
    await runtime.invoke(name, event, noEffects, { signal });
    // The first one also starts the host process.
    if (index > 0) times.push(performance.now() - begun);
  }
  return median(times);
}
