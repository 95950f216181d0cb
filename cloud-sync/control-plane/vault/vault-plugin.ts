import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorCode } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import { requireAccessTo } from '../api/authentication.ts';
import { createErrorHandler } from '../api/problems.ts';
import { receiveFile, removeFile, sendFile, sendListing } from './vault-file-routes.ts';
import { parseVaultTarget } from './vault-target.ts';
import type { Vaults } from './vaults.ts';

type VaultPluginOptions = { readonly vaults: Vaults; readonly logger: Logger };

const hidden = { schema: { hide: true } };

/**
 * restic's REST protocol, versions 1 and 2, for the repository of each device at `/vault/{device}/`. Operators and the device itself
 * read and add; nothing is overwritten, and nothing but locks is removed without a grant. Register without a prefix.
 */
export async function vaultPlugin(
  app: FastifyInstance,
  { vaults, logger }: VaultPluginOptions,
): Promise<void> {
  // Bodies stay streams: they go to disk as they come.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const answerProblem = createErrorHandler(logger, 'Basic');
  app.setErrorHandler((error, request, reply) => {
    // The client went away in the middle of its body; nobody reads an answer.
    if (errorCode(error) === 'ECONNRESET') return reply.hijack();
    return answerProblem(error, request, reply.removeHeader('content-length'));
  });
  app.route({
    method: ['GET', 'HEAD', 'POST', 'DELETE'],
    url: '/vault/*',
    exposeHeadRoute: false,
    ...hidden,
    handler: (request, reply) => route(vaults, request, reply),
  });
  await Promise.resolve();
}

async function route(vaults: Vaults, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const target = parseVaultTarget(request.url.split('?', 1)[0] ?? '');
  const { actor } = requireAccessTo(target.device, request);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  switch (target.kind) {
    case 'repository':
      if (method !== 'POST') break;
      await vaults.create(target.device);
      return reply.code(200).send();
    case 'folder':
      if (method === 'GET') return sendListing(vaults, target, { request, reply });
      break;
    case 'file':
      if (method === 'GET') return sendFile(vaults, target.place, { request, reply });
      if (method === 'POST') return receiveFile(vaults, target.place, { request, reply });
      return removeFile(vaults, target.place, { actor, reply });
    default:
      target satisfies never;
  }
  throw new SyncError('forbidden', `A vault does not do ${request.method} here`);
}
