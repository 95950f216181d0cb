import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { HttpsClient, HttpsResponse } from '../../../lib/https-client.ts';

export type OtlpSignal = 'logs' | 'metrics';

export type OtlpTarget = {
  /** Base address, as `http://collector:4318`; `/v1/logs` and `/v1/metrics` are put behind it. */
  readonly url: string;
  /** Such as a token. Never logged. */
  readonly headers?: Readonly<Record<string, string>>;
};

export type OtlpAnswer =
  /** `rejected` of the items are refused for good, and why. */
  | { readonly kind: 'taken'; readonly rejected: number; readonly message: string }
  /** The same request may be taken later. `error`: an HTTP status or a network error. */
  | {
      readonly kind: 'later';
      readonly error: string;
      readonly message: string;
      readonly afterMs: number | undefined;
    }
  /** The collector will never take this request. */
  | { readonly kind: 'refused'; readonly error: string; readonly message: string };

const compress = promisify(gzip);
const answerMaxBytes = 64 * 1024;
const timeoutMs = 30_000;
/** A collector may ask for this much patience at most. */
const longestWaitMs = 600_000;
/** What is wrong with these requests stays wrong. Anything else, a token that ran out too, may be put right. */
const hopeless = new Set([400, 413, 415, 422]);

/** Answers of both services; int64 comes as a string, or as a number from lenient collectors. */
const answerSchema = z.object({
  partialSuccess: z
    .object({
      rejectedLogRecords: z.union([z.string(), z.number()]).optional(),
      rejectedDataPoints: z.union([z.string(), z.number()]).optional(),
      errorMessage: z.string().optional(),
    })
    .nullish(),
});

/** Posts one request of OTLP/HTTP in its JSON encoding, gzipped. Rejects only when `signal` aborts. */
export async function postOtlp(
  http: HttpsClient,
  target: OtlpTarget,
  { signal, name, body }: { readonly signal: AbortSignal; readonly name: OtlpSignal; readonly body: object },
): Promise<OtlpAnswer> {
  try {
    const answer = await http.request({
      method: 'POST',
      url: `${target.url.replace(/\/+$/, '')}/v1/${name}`,
      headers: { ...target.headers, 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: await compress(JSON.stringify(body)),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    return await read(answer);
  } catch (error) {
    signal.throwIfAborted();
    return {
      ...{ kind: 'later', error: errorCode(error) ?? 'network', message: errorMessage(error) },
      afterMs: undefined,
    };
  }
}

async function read(answer: HttpsResponse): Promise<OtlpAnswer> {
  const text = Buffer.from(await answer.bytes(answerMaxBytes)).toString('utf8');
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return taken(text);
  const error = String(status);
  const message = `the collector answered ${error}: ${text.slice(0, 200)}`;
  if (hopeless.has(status)) return { kind: 'refused', error, message };
  return { kind: 'later', error, message, afterMs: retryAfterMs(headers['retry-after'], Date.now()) };
}

function taken(text: string): OtlpAnswer {
  const partial = readAnswer(text)?.partialSuccess;
  const rejected = Number(partial?.rejectedLogRecords ?? partial?.rejectedDataPoints ?? 0);
  return {
    kind: 'taken',
    rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
    message: partial?.errorMessage ?? '',
  };
}

/** What a collector says beyond its status is a courtesy: an unreadable answer is an answer. */
function readAnswer(text: string): z.output<typeof answerSchema> | undefined {
  try {
    return answerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Of seconds or an HTTP date (RFC 9110 §10.2.3). */
function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(longestWaitMs, Math.max(0, ms));
}
