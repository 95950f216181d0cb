import { STATUS_CODES } from 'node:http';
import { errorCode } from '../../lib/error-code.ts';

export type RefusalOptions = {
  readonly retryAfterMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
};

/** A request that gets no answer of a function. Everything in it is for the caller to read. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    { retryAfterMs, headers = {}, cause }: RefusalOptions = {},
  ) {
    super(detail, { cause });
    this.status = status;
    this.code = code;
    this.headers = {
      ...headers,
      ...(retryAfterMs !== undefined && {
        'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
      }),
    };
  }
}

/** The body of a refusal: application/problem+json (RFC 9457). */
export function problemBody({ status, code, message }: Refusal, invocation: string): Buffer {
  const title = STATUS_CODES[status] ?? 'Error';
  return Buffer.from(
    JSON.stringify({ type: 'about:blank', title, status, detail: message, code, invocation }),
  );
}

/** What the caller may know of a failed invocation: which kind it was, and nothing of the inside. The log has the rest. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const code = errorCode(error) ?? '';
  const known = failures.get(code);
  const [status, detail, retryAfterMs] = known ?? failed;
  return new Refusal(status, known ? code : 'failed', detail, {
    cause: error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

type Failure = readonly [status: number, detail: string, retryAfterMs?: number];

const failed: Failure = [500, 'The function failed.'];
const notRunning = 'The function is not running at present.';
const later = 1000;

const failures: ReadonlyMap<string, Failure> = new Map(
  Object.entries({
    threw: failed,
    memory: failed,
    denied: failed,
    badCall: failed,
    noHandler: failed,
    unsupported: failed,
    timeout: [504, 'The function did not answer within its time limit.'],
    cpu: [504, 'The function did not answer within its processor time.'],
    resultTooLarge: [502, "The function's answer is too large."],
    eventTooLarge: [413, 'The request is too large for the function.'],
    queueFull: [503, 'Too many requests wait for the function.', later],
    hostLost: [503, 'The function was interrupted.', later],
    conflict: [503, 'The function was interrupted.', later],
    cancelled: [503, 'The function was interrupted.', later],
    diskFull: [503, 'What the function did could not be stored.', 60_000],
    notDeployed: [503, notRunning, 30_000],
    unknownFunction: [503, notRunning, later],
    crashLoop: [503, notRunning, 30_000],
    badBundle: [503, notRunning, 30_000],
    secretMissing: [503, notRunning, 30_000],
    paused: [503, notRunning, 60_000],
  } satisfies Record<string, Failure>),
);
