import { z } from 'zod';
import { argumentsOf, badCall, denied, type BindingCall, type CallContext, type CallReply } from './call.ts';

/** A value that is to expire later than this is one that does not expire. */
const maxTtlSeconds = 100 * 366 * 86_400;

const key = z
  .string()
  .min(1)
  .max(512)
  .refine((text) => !text.includes('\0'), 'a key has no NUL');
const keyArguments = z.strictObject({ key });
const putArguments = z.strictObject({
  key,
  ttlSeconds: z.number().positive().max(maxTtlSeconds).optional(),
  expiresAt: z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe('Milliseconds since 1970.'),
  expectedBytes: z
    .int()
    .min(0)
    .nullable()
    .optional()
    .describe('How many bytes of the body, from its start, are the value that is expected.'),
});
const listArguments = z.strictObject({
  prefix: z.string().max(512).default(''),
  limit: z.int().min(1).max(1000).default(100),
});

/** A call of a `kv` binding on the store it grants. */
export async function callKeyValue(
  store: string,
  call: BindingCall,
  context: CallContext,
): Promise<CallReply> {
  const { effects } = context;
  switch (call.method) {
    case 'get':
      return { bytes: await effects.kvGet(store, argumentsOf(keyArguments, call).key) };
    case 'put':
      return put(store, call, context);
    case 'delete':
      await effects.kvDelete(store, argumentsOf(keyArguments, call).key);
      return {};
    case 'list':
      return { json: await effects.kvList(store, argumentsOf(listArguments, call)) };
    default:
      throw denied(call, 'a kv binding has get, put, delete and list');
  }
}

async function put(store: string, call: BindingCall, { effects, now }: CallContext): Promise<CallReply> {
  const { key, ttlSeconds, expiresAt, expectedBytes } = argumentsOf(putArguments, call);
  if (ttlSeconds !== undefined && expiresAt !== undefined)
    throw badCall(call, 'it has both a time to live and a time to expire at');
  const expires = ttlSeconds === undefined ? expiresAt : now() + ttlSeconds * 1000;
  const expiry = expires === undefined ? {} : { expiresAt: Math.ceil(expires) };
  if (expectedBytes === undefined) {
    await effects.kvPut(store, key, call.body, expiry);
    return {};
  }
  const length = expectedBytes ?? 0;
  if (length > call.body.byteLength)
    throw badCall(call, `${length} expected bytes in a body of ${call.body.byteLength}`);
  const expected = expectedBytes === null ? null : call.body.subarray(0, length);
  const done = await effects.kvPut(store, key, call.body.subarray(length), { ...expiry, expected });
  return { json: done };
}
