import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { errorMessage } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import { SyncError, type SyncErrorCode } from '../../errors.ts';
import { storageError } from '../database/sqlite-errors.ts';
import { problemSchema, type Problem } from '../../protocol/api.ts';

/** For the `response` of a route: every failure looks the same. */
export const problemResponses = { '4xx': problemSchema, '5xx': problemSchema } as const;

const statuses: Partial<Record<SyncErrorCode, number>> = {
  badRequest: 400,
  badCsr: 400,
  digestMismatch: 400,
  sizeMismatch: 400,
  badToken: 401,
  unauthorized: 401,
  forbidden: 403,
  revoked: 403,
  notFound: 404,
  conflict: 409,
  tokenUsed: 409,
  deviceOffline: 409,
  tokenExpired: 410,
  tooLarge: 413,
  badManifest: 422,
  missingBundle: 422,
  commandFailed: 422,
  unavailable: 503,
  timeout: 504,
  diskFull: 507,
  quotaExceeded: 507,
};

type Answer = { readonly status: number; readonly problem: Problem };

/**
 * Answers every failure as a problem: ours in our words, anything unforeseen without its details. `scheme` is how to log in, said to
 * who did not.
 */
export function createErrorHandler(logger: Logger, scheme: 'Bearer' | 'Basic' = 'Bearer') {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { status, problem } = answerTo(storageError(error));
    if (status >= 500) {
      logger.error('api.failed', { method: request.method, route: request.routeOptions.url, error });
    }
    if (status === 401) void reply.header('www-authenticate', `${scheme} realm="holdfast"`);
    return reply.code(status).type('application/json').serializer(JSON.stringify).send(problem);
  };
}

function answerTo(error: unknown): Answer {
  if (error instanceof SyncError) {
    const { code, message, hint } = error;
    return { status: statuses[code] ?? 500, problem: { code, message, ...(hint !== undefined && { hint }) } };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const places = error.validation.map(
      ({ instancePath, message }) => `${instancePath || '/'}: ${message ?? ''}`,
    );
    const message = `The request does not fit: ${places.join('; ')}`.slice(0, 2000);
    return { status: 400, problem: { code: 'badRequest', message } };
  }
  if (isClientError(error)) {
    const code = error.statusCode === 413 ? 'tooLarge' : 'badRequest';
    return { status: error.statusCode, problem: { code, message: errorMessage(error) } };
  }
  const message = 'The control plane failed at this request; its log says more';
  return { status: 500, problem: { code: 'internal', message } };
}

/** Fastify's own refusals: a body too large, JSON that is none, a content type nobody reads. */
function isClientError(error: unknown): error is { statusCode: number } {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return false;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
}
