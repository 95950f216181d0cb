import { SyncError, type SyncErrorCode } from '../../errors.ts';

/** Distribution spec 1.1, "Error Codes", with the status each is answered with. */
const statusOf = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  /** Ours, for failures the specification has no code for. */
  UNKNOWN: 500,
} as const;

export type RefusalCode = keyof typeof statusOf;

/** A request that is answered with an error body of the specification. */
export class Refusal extends SyncError {
  readonly specCode: RefusalCode;
  readonly status: number;

  constructor(specCode: RefusalCode, message: string, { status }: { readonly status?: number } = {}) {
    super('badRequest', message);
    this.specCode = specCode;
    this.status = status ?? statusOf[specCode];
  }
}

/** What a failure of the store or of the body means to the client. Undefined: a bug, or a failure to keep from them. */
export function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (!(error instanceof SyncError)) return undefined;
  const known: Partial<Record<SyncErrorCode, [RefusalCode, number?]>> = {
    digestMismatch: ['DIGEST_INVALID'],
    sizeMismatch: ['SIZE_INVALID'],
    tooLarge: ['SIZE_INVALID', 413],
    notFound: ['BLOB_UNKNOWN'],
    diskFull: ['UNKNOWN', 507],
    corrupt: ['UNKNOWN', 500],
  };
  const [code, status] = known[error.code] ?? [];
  return code && new Refusal(code, error.message, status === undefined ? {} : { status });
}
