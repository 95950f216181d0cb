import { z } from 'zod';
import { limits, type FromHost } from '../host/protocol.ts';

/** Everything a host process may say. It runs untrusted code, so it may be lying: every header is checked. [G6] */
const id = z.int().min(0);
const level = z.enum(['debug', 'info', 'warn', 'error']);
const errorText = z.string().max(limits.errorChars + 512);
const failure = z.strictObject({
  code: z.enum([
    'timeout',
    'cpu',
    'memory',
    'threw',
    'denied',
    'resultTooLarge',
    'noHandler',
    'badBundle',
    'isolateLost',
  ]),
  message: errorText,
  stack: z.exactOptional(errorText),
  noRetry: z.exactOptional(z.literal(true)),
});
const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/);
/** Nothing that ends a header: what is written to a socket or a log stays one value. */
const headerValue = z
  .string()
  .regex(/^[^\0\r\n]*$/)
  .max(limits.responseHeaderChars);
const response = z.strictObject({
  status: z.int().min(200).max(599),
  headers: z.array(z.tuple([headerName, headerValue])).max(limits.responseHeaders),
});
const cost = { invocation: id, cpuMs: z.number().min(0), coldStart: z.boolean() };

export const fromHostSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('loaded'), slot: id, handlers: z.array(z.string().max(64)).max(8) }),
  z.strictObject({ type: z.literal('loadFailed'), slot: id, failure }),
  z.strictObject({ type: z.literal('result'), ...cost, response: z.exactOptional(response) }),
  z.strictObject({ type: z.literal('failed'), ...cost, failure }),
  z.strictObject({
    type: z.literal('call'),
    invocation: id,
    call: id,
    binding: z.string().max(64),
    method: z.string().max(32),
    args: z.unknown(),
  }),
  z.strictObject({
    type: z.literal('log'),
    invocation: id,
    level,
    message: z.string().max(limits.logLineChars + 1),
  }),
  z.strictObject({
    type: z.literal('gasp'),
    slot: id,
    message: z.string().max(4096),
    // The invocation that did it has had its answer: those that run now did not do it.
    answered: z.boolean(),
  }),
]) satisfies z.ZodType<FromHost>;
export type HostMessage = z.output<typeof fromHostSchema>;
export type HostFailure = z.output<typeof failure>;
