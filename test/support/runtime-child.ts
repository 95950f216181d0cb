import { FunctionRuntime } from '../../functions/index.ts';
import { createLogger } from '../../lib/logger.ts';
import { functionSchema } from '../../manifests/function.ts';
import { bundleOf, MemoryEffects } from './function-sandbox.ts';

/** An agent's stand-in: starts a function that never ends and prints the pids of its hosts. */
const runtime = await FunctionRuntime.open({ logger: createLogger(() => undefined), onLog: () => undefined });
const code = 'export default { invoke() { for (;;); } }';
const limits = { cpu: '10m', timeout: '10m' };
const spec = functionSchema.parse({ bundle: `test/f@sha256:${'0'.repeat(64)}`, limits });
await runtime.deploy({ name: 'endless', bundle: bundleOf(code), spec });
const { signal } = new AbortController();
const event = { kind: 'invoke', payload: null } as const;
void runtime.invoke('endless', event, new MemoryEffects(), { signal });
process.stdout.write(`${JSON.stringify(runtime.hostPids())}\n`);
