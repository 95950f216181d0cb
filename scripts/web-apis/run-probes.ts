import { FunctionRuntime, type InvocationEffects } from '../../functions/index.ts';
import { digestOf } from '../../lib/digest.ts';
import { createLogger } from '../../lib/logger.ts';
import { functionSchema } from '../../manifests/function.ts';
import type { Api } from './api.ts';
import { probeFunction, type Results } from './probe-function.ts';

/** Runs every check inside a function of the real runtime. */
export async function runProbes(apis: readonly Api[], signal: AbortSignal): Promise<Results> {
  await using runtime = await FunctionRuntime.open({
    logger: createLogger(() => undefined),
    onLog: () => undefined,
  });
  const code = probeFunction(apis);
  const bundle = {
    digest: digestOf(code),
    config: { version: 1, shape: 'module', exports: ['default'] } as const,
    code,
    sourceMap: undefined,
  };
  const spec = functionSchema.parse({
    bundle: `probes@${digestOf(code)}`,
    limits: { memory: '64MiB', cpu: '30s', timeout: '60s' },
  });
  await runtime.deploy({ name: 'probes', bundle: bundle as never, spec });
  const results: Record<string, Results[string]> = {};
  for (const [number, { name }] of apis.entries()) {
    const { value } = await runtime.invoke('probes', { kind: 'invoke', payload: number }, noEffects, {
      signal,
    });
    results[name] = value as Results[string];
  }
  return results;
}

/** The checks ask for none. */
const noEffects: InvocationEffects = {
  publish: refuse,
  kvGet: refuse,
  kvPut: refuse,
  kvDelete: refuse,
  kvList: refuse,
  queueSend: refuse,
  shadowGet: refuse,
  shadowUpdate: refuse,
  shadowDelete: refuse,
};

function refuse(): never {
  throw new Error('A check asked for an effect');
}
