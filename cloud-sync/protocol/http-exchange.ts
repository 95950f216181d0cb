import type { z } from 'zod';
import { clockDoubt } from '../../lib/clock-doubt.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import {
  BodyTooLargeError,
  type HttpsClient,
  type HttpsRequest,
  type HttpsResponse,
} from '../../lib/https-client.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import { isSyncErrorCode, SyncError, type SyncErrorCode } from '../errors.ts';
import { problemSchema } from './api.ts';

const maxProblemBytes = 64 * 1024;

/** A request that the control plane answered with success; the body is unread. Rejects with SyncError. */
export async function exchange(http: HttpsClient, request: HttpsRequest): Promise<HttpsResponse> {
  const response = await reaching(request, () => http.request(request));
  if (response.status >= 200 && response.status < 300) return response;
  throw await refusal(request, response);
}

/** The body as JSON of that shape. Rejects with SyncError 'badAnswer' for anything else. */
export async function readAnswer<Schema extends z.ZodType>(
  request: HttpsRequest,
  response: HttpsResponse,
  { schema, maxBytes }: { readonly schema: Schema; readonly maxBytes: number },
): Promise<z.output<Schema>> {
  const bytes = await readBytes(request, response, maxBytes);
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw badAnswer(request, 'something that is not of its API', cause);
  }
}

export async function readBytes(
  request: HttpsRequest,
  response: HttpsResponse,
  maxBytes: number,
): Promise<Uint8Array> {
  return reaching(request, () => response.bytes(maxBytes));
}

async function reaching<T>(request: HttpsRequest, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (request.signal?.aborted || cause instanceof SyncError) throw cause;
    if (cause instanceof BodyTooLargeError) throw badAnswer(request, 'more than it may', cause);
    const transient = isTransientNetworkError(cause);
    const why = errorMessage(cause) || (errorCode(cause) ?? 'no reason given');
    throw new SyncError(
      'network',
      `Cannot reach the control plane at ${new URL(request.url).origin}: ${why}`,
      {
        cause,
        transient,
        hint: transient
          ? 'Check that it is up and that this machine reaches it.'
          : (clockDoubt(cause) ?? 'Check the address and the certificates on both sides.'),
      },
    );
  }
}

/** The server's own words when it gave any, otherwise ours for the status. */
async function refusal(request: HttpsRequest, response: HttpsResponse): Promise<SyncError> {
  const { status } = response;
  const bytes = await response.bytes(maxProblemBytes).catch(() => new Uint8Array());
  const problem = problemSchema.safeParse(parseJson(bytes));
  if (!problem.success) {
    return badAnswer(request, `status ${status} without saying why`, undefined, isTransientStatus(status));
  }
  const { code, message, hint } = problem.data;
  return new SyncError(isSyncErrorCode(code) ? code : codeOfStatus(status), message, {
    ...(hint !== undefined && { hint }),
    transient: isTransientStatus(status),
  });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

const isTransientStatus = (status: number) => status === 429 || status === 502 || status === 503;

function codeOfStatus(status: number): SyncErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'notFound';
  if (status === 409) return 'conflict';
  if (status === 413) return 'tooLarge';
  return status < 500 ? 'badRequest' : 'unavailable';
}

function badAnswer({ url }: HttpsRequest, what: string, cause?: unknown, transient = false): SyncError {
  return new SyncError('badAnswer', `The control plane at ${new URL(url).origin} answered ${what}`, {
    cause,
    transient,
    hint: 'Check that the address is that of a Holdfast control plane of a like version.',
  });
}
