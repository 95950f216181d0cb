import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createFetch } from '../../../agent/outside/fetch.ts';
import { FunctionError } from '../../../functions/function-error.ts';
import type { InvocationEvent } from '../../../functions/index.ts';
import type { ProcessSandbox } from '../../../functions/runtime/process-sandbox.ts';
import { openSandbox, type Sandbox } from '../../support/function-sandbox.ts';
import { openCanary, outsideOf } from './canary.ts';
import { insideTools } from './inside-tools.ts';
import type { Expected, HostileProgram } from './program.ts';

export type ProgramReport = {
  readonly outcome: Outcome;
  /** From the event to its end. */
  readonly endedMs: number;
  /** How much longer than its wall-clock limit it ran. */
  readonly overrunMs: number;
  /** Of every event of the neighbour while the program ran, redeliveries included. */
  readonly neighbourMs: readonly number[];
  /** The same before the program ran. */
  readonly neighbourIdleMs: readonly number[];
  /** Host processes that ended. */
  readonly hostsLost: number;
  /** What was not as it has to be; empty when all was. */
  readonly problems: readonly string[];
};

type Outcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'refused' | 'rejected'; readonly code: string; readonly message: string };

const neighbourEveryMs = 5;
const eventsAfter = 5;

type RunOptions = {
  readonly idleMs?: number;
  readonly warmUpEvents?: number;
  /** What stands around the process; to find out takes as long as many a program. */
  readonly around?: ProcessSandbox;
};

/**
 * Runs one program, after `idleMs`, in a runtime, and so in a host process, of its own, beside a neighbour in the same process. Its first
 * `warmUpEvents` are not measured: V8 compiles what is used often.
 */
export async function runProgram(
  program: HostileProgram,
  { idleMs = 0, warmUpEvents = 50, around }: RunOptions = {},
): Promise<ProgramReport> {
  await using canary = await openCanary();
  using network = createFetch({ resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) });
  await using sandbox = await openSandbox({
    outside: outsideOf(network.fetch),
    ...(around && { sandbox: around }),
  });
  const problems: string[] = [];
  const neighbour = await startNeighbour(sandbox, { problems, warmUpEvents });
  const limitMs = await limitOf(program.manifest);
  const refused = await deploy(sandbox, program);
  // A new isolate takes the process some milliseconds, of honest functions too: that is not part of the attack.
  if (!refused) neighbour.tookMs.length = 0;
  await sleep(idleMs);
  const neighbourIdleMs = refused ? [] : neighbour.tookMs.splice(0);
  const startedMs = performance.now();
  const outcome = refused ?? (await attack(sandbox, program, canary.url));
  const endedMs = performance.now() - startedMs;
  await neighbour.stop();
  problems.push(...compare(outcome, program.expected));
  // An order of magnitude; how long exactly depends on the machine, and is measured by the campaign.
  if (endedMs > 10 * (limitMs + 250))
    problems.push(`it ran for ${Math.round(endedMs)} ms; its limit is ${limitMs} ms`);
  if (sandbox.logs.some(({ message }) => message.includes('LEAK')))
    problems.push('it wrote a log line of its own');
  if (canary.hits() > 0) problems.push(`it reached the loopback address ${canary.hits()} times`);
  const hostsLost = sandbox.events.filter(({ event }) =>
    /^functions\.host\.(killed|exited)$/.test(event),
  ).length;
  if (sandbox.events.some(({ event }) => event === 'functions.host.nonsense'))
    problems.push('its host broke the protocol');
  const overrunMs = Math.max(0, endedMs - limitMs);
  return { outcome, endedMs, overrunMs, neighbourMs: neighbour.tookMs, neighbourIdleMs, hostsLost, problems };
}

/** Why it is not even loaded, or undefined. */
async function deploy(sandbox: Sandbox, { code, manifest }: HostileProgram): Promise<Outcome | undefined> {
  const body = `export default { async invoke(payload, env, ctx) { ${code}\n} };`;
  const module = insideTools + (/^\s*(import|export) |; export default/m.test(code) ? code : body);
  try {
    await sandbox.deploy('hostile', module, manifest);
    return undefined;
  } catch (error) {
    return failure('refused', error);
  }
}

async function attack(sandbox: Sandbox, program: HostileProgram, canary: string): Promise<Outcome> {
  const { payload = { canary }, times = 1, event = { kind: 'invoke', payload } } = program;
  for (let n = 1; n < times; n++) await settle(invoke(sandbox, event));
  return settle(invoke(sandbox, event));
}

async function invoke({ runtime, effects }: Sandbox, event: InvocationEvent): Promise<unknown> {
  const { value, response } = await runtime.invoke('hostile', event, effects, {
    signal: new AbortController().signal,
  });
  return response ?? value;
}

async function settle(invocation: Promise<unknown>): Promise<Outcome> {
  try {
    return { kind: 'returned', value: await invocation };
  } catch (error) {
    return failure('rejected', error);
  }
}

function failure(kind: 'refused' | 'rejected', error: unknown): Outcome {
  const { message } = error as Error;
  return {
    kind,
    code: error instanceof FunctionError ? error.code : 'notOurs',
    message: message.slice(0, 300),
  };
}

async function limitOf(manifest: HostileProgram['manifest']): Promise<number> {
  const { functionSchema } = await import('../../../manifests/function.ts');
  const limits = { timeout: '30s', ...(manifest?.limits as object | undefined) };
  return functionSchema.shape.limits.parse(limits).timeout;
}

function compare(outcome: Outcome, expected: Expected): string[] {
  const told = JSON.stringify(outcome);
  if ('returns' in expected)
    return outcome.kind === 'returned' && isDeepStrictEqual(outcome.value, expected.returns)
      ? []
      : [`it gave ${told}`];
  if ('refused' in expected)
    return outcome.kind === 'refused' && outcome.code === expected.refused ? [] : [`its deploy gave ${told}`];
  const { codes, message = /^/ } = expected;
  const fits =
    outcome.kind === 'rejected' &&
    (codes as readonly string[]).includes(outcome.code) &&
    message.test(outcome.message);
  return fits ? [] : [`it ended with ${told}`];
}

/** Answers without pause; what a lost host interrupts is delivered again, as the agent does. */
async function startNeighbour(
  sandbox: Sandbox,
  { problems, warmUpEvents }: { readonly problems: string[]; readonly warmUpEvents: number },
) {
  const code = `async invoke(n, env) { await env.OUT.publish({ n }); return [n, {}.polluted, typeof require]; }`;
  await sandbox.deploy('neighbour', code, {
    bindings: { OUT: { publish: 'neighbour' } },
    limits: { timeout: '100s' },
  });
  const tookMs: number[] = [];
  const ask = async (n: number) => {
    const startedMs = performance.now();
    const answer = await deliver(sandbox, n);
    if (n >= warmUpEvents) tookMs.push(performance.now() - startedMs);
    if (!isDeepStrictEqual(answer, [n, null, 'undefined']))
      problems.push(`the neighbour gave ${JSON.stringify(answer)}`);
    const { topic, text } = sandbox.effects.published.findLast(({ topic }) => topic === 'neighbour') ?? {};
    if (topic === undefined || text !== `{"n":${n}}`) problems.push(`the neighbour published ${text}`);
  };
  for (let n = 0; n < warmUpEvents; n++) await ask(n);
  let asked = warmUpEvents;
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await ask(asked++);
      await sleep(neighbourEveryMs);
    }
  })();
  return {
    tookMs,
    async stop() {
      stopping.abort();
      await running;
      for (let n = 0; n < eventsAfter; n++) await ask(asked++);
    },
  };
}

const deliveries = 10;

async function deliver(sandbox: Sandbox, n: number): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sandbox.invoke('neighbour', n);
    } catch (error) {
      const again = error instanceof FunctionError && error.transient && attempt < deliveries;
      if (!again) return (error as Error).message;
    }
  }
}
