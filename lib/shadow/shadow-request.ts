import { z } from 'zod';
import { isObject, type Json, type JsonObject } from './json.ts';
import { applyPatch, deleted, type Sections, type Shadow } from './shadow-document.ts';
import type { Rejection, UpdateRequest } from './shadow-messages.ts';

/** Bytes of JSON, levels of nesting and values of one shadow; shadows of a device. */
export const shadowLimits = {
  requestBytes: 64 * 1024,
  stateBytes: 30 * 1024,
  depth: 8,
  values: 2000,
  tokenBytes: 64,
  shadows: 100,
} as const;

export const shadowNamePattern = /^[A-Za-z0-9:_-]{1,64}$/;

export type Outcome<T> =
  | { readonly accepted: T; readonly rejected?: undefined }
  | { readonly rejected: Rejection; readonly accepted?: undefined };

const refuse = (code: Rejection['code'], message: string) => ({ rejected: { code, message } }) as const;

const section = (name: string) =>
  z
    .custom<JsonObject>((value) => isObject(value as Json), `${name} node must be an object`)
    .nullable()
    .optional();

const clientTokenSchema = z
  .string('Invalid clientToken')
  .refine((token) => Buffer.byteLength(token) <= shadowLimits.tokenBytes, 'Invalid clientToken')
  .optional();
const versionSchema = z.int('Invalid version').min(0, 'Invalid version').optional();

const updateRequestSchema = z.strictObject({
  state: z.strictObject(
    { desired: section('Desired'), reported: section('Reported') },
    {
      error: ({ code, input }) => {
        if (code !== 'invalid_type') return 'State contains an invalid node';
        return input === undefined ? 'Missing required node: state' : 'State node must be an object';
      },
    },
  ),
  version: versionSchema,
  clientToken: clientTokenSchema,
});

const bareRequestSchema = z.strictObject({ version: versionSchema, clientToken: clientTokenSchema });
export type BareRequest = z.output<typeof bareRequestSchema>;

/** Of the payload of `update`. */
export function readUpdate(payload: Uint8Array): Outcome<UpdateRequest> {
  return readRequest(updateRequestSchema, payload);
}

/** Of the payload of `get` and `delete`, which may be empty. */
export function readBareRequest(payload: Uint8Array): Outcome<BareRequest> {
  return payload.byteLength === 0 ? { accepted: {} } : readRequest(bareRequestSchema, payload);
}

function readRequest<Schema extends z.ZodType>(
  schema: Schema,
  payload: Uint8Array,
): Outcome<z.output<Schema>> {
  if (payload.byteLength > shadowLimits.requestBytes)
    return refuse(413, 'The payload exceeds the maximum size allowed');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    return refuse(415, 'Unsupported documented encoding; supported encoding is UTF-8');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse(400, 'Invalid JSON');
  }
  const { data, error } = schema.safeParse(json);
  return error ? refuse(400, error.issues[0]?.message ?? 'Invalid JSON') : { accepted: data };
}

/** The token of a request that may be wrong otherwise, so that its refusal can be matched. */
export function tokenIn(payload: Uint8Array): string | undefined {
  if (payload.byteLength > shadowLimits.requestBytes) return undefined;
  try {
    const request = JSON.parse(new TextDecoder().decode(payload)) as { clientToken?: unknown } | null;
    return clientTokenSchema.safeParse(request?.clientToken).data;
  } catch {
    return undefined;
  }
}

/** Version 0 is that of a shadow that does not exist. */
function conflicts({ exists, version }: Shadow, expected: number | undefined): boolean {
  return expected !== undefined && expected !== (exists ? version : 0);
}

/** The shadow after an update, or why there is none. `timestamp`: seconds since 1970. */
export function update(shadow: Shadow, request: UpdateRequest, timestamp: number): Outcome<Shadow> {
  if (conflicts(shadow, request.version)) return refuse(409, 'Version conflict');
  const { desired, reported } = request.state;
  const faults = [desired, reported].map((patch) => (patch ? faultOf(patch, 1) : undefined));
  const fault = faults.find((found) => found !== undefined);
  if (fault !== undefined) return refuse(400, fault);
  const next = applyPatch(shadow, request.state, timestamp);
  if (Buffer.byteLength(JSON.stringify(next.state)) > shadowLimits.stateBytes)
    return refuse(413, `The state exceeds the maximum size allowed, ${shadowLimits.stateBytes} bytes`);
  if (valuesOf(next.state) > shadowLimits.values)
    return refuse(413, `The state has more values than allowed, ${shadowLimits.values}`);
  return { accepted: next };
}

/** The shadow after it was deleted, or why it was not. */
export function remove(
  shadow: Shadow,
  { name, version }: { readonly name: string; readonly version?: number | undefined },
  timestamp: number,
): Outcome<Shadow> {
  if (!shadow.exists) return refuse(404, noShadow(name).message);
  if (conflicts(shadow, version)) return refuse(409, 'Version conflict');
  return { accepted: deleted(shadow, timestamp) };
}

export const noShadow = (name: string): Rejection => ({
  code: 404,
  message: `No shadow exists with name: ${name}`,
});

/** There are `shadowLimits.shadows` already. */
export const tooManyShadows: Rejection = {
  code: 413,
  message: `A device has at most ${shadowLimits.shadows} shadows; delete one first`,
};

function faultOf(value: Json, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > shadowLimits.depth)
    return `JSON contains too many levels of nesting; maximum is ${shadowLimits.depth}`;
  if (Array.isArray(value) && value.includes(null)) return 'State contains an invalid node';
  if (Object.hasOwn(value, '__proto__')) return 'State contains an invalid node';
  for (const inner of Object.values<Json>(value)) {
    const fault = faultOf(inner, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function valuesOf(value: Json | Sections): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 0;
  for (const inner of Object.values<Json>(value)) count += valuesOf(inner);
  return count;
}
