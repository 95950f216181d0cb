import { z } from 'zod';
import { FunctionError } from '../function-error.ts';
import type { Deployment } from './deployment.ts';
import { invocationError } from './failure.ts';
import type { HostOutcome } from './invocation.ts';
import { isDeeperThan } from './json-depth.ts';
import type { FunctionResponse, InvocationEvent, InvocationResult, QueueOutcome } from './ports.ts';

/** Twelve hours. */
const maxRetryDelayMs = 43_200_000;

const queueOutcomeSchema = z.strictObject({
  retry: z
    .array(
      z.strictObject({
        id: z.string().max(256),
        delayMs: z.exactOptional(z.int().min(0).max(maxRetryDelayMs)),
      }),
    )
    .max(1000),
});

type Measured = { readonly wallMs: number; readonly wasLoaded: boolean; readonly egressBytes: number };

/** What the caller of `invoke` gets of what a host said, which is believed in nothing. Throws FunctionError for a failure. [G6] */
export function resultOf(
  { name, spec, mapStack }: Deployment,
  event: InvocationEvent,
  outcome: HostOutcome,
  { wallMs, wasLoaded, egressBytes }: Measured,
): InvocationResult {
  const { cpuMs, coldStart } = outcome;
  if (outcome.type === 'failed') throw invocationError(name, outcome.failure, mapStack);
  const { body, response } = outcome;
  if (body.byteLength > spec.limits.result) throw tooLarge(name, body.byteLength, spec.limits.result);
  const cost = { cpuMs, egressBytes, wallMs, coldStart: coldStart || !wasLoaded };
  if (event.kind === 'fetch') return { value: undefined, response: answerOf(name, response, body), ...cost };
  const value = parseValue(name, body);
  if (event.kind !== 'queue') return { value, ...cost };
  return { value: undefined, queue: queueOutcome(name, event, value), ...cost };
}

function answerOf(
  name: string,
  head: Omit<FunctionResponse, 'body'> | undefined,
  body: Uint8Array,
): FunctionResponse {
  if (head) return { ...head, body };
  throw new FunctionError('threw', `Function ${name} gave no response to an HTTP request`);
}

function queueOutcome(
  name: string,
  { messages }: Extract<InvocationEvent, { kind: 'queue' }>,
  value: unknown,
): QueueOutcome {
  const parsed = queueOutcomeSchema.safeParse(value);
  const ids = new Set(messages.map(({ id }) => id));
  if (parsed.success && parsed.data.retry.every(({ id }) => ids.has(id))) return parsed.data;
  throw new FunctionError('threw', `Function ${name} said nothing sensible of the messages it was given`);
}

/** Whoever handles a result may recurse into it. */
const maxDepth = 1000;

function parseValue(name: string, body: Uint8Array): unknown {
  if (body.byteLength === 0) return undefined;
  if (isDeeperThan(body, maxDepth))
    throw new FunctionError(
      'resultTooLarge',
      `Function ${name} failed: The result is nested more than ${maxDepth} levels deep`,
    );
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')) as unknown;
  } catch (cause) {
    throw new FunctionError('threw', `Function ${name} replaced JSON and gave no JSON`, { cause });
  }
}

function tooLarge(name: string, size: number, maxBytes: number): FunctionError {
  return new FunctionError(
    'resultTooLarge',
    `Function ${name} failed: The result is ${size} bytes; the limit is ${maxBytes}`,
  );
}
