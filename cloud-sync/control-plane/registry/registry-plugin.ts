import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorCode } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import { sendBlob } from './blob-routes.ts';
import { receiveManifest, sendManifest } from './manifest-routes.ts';
import { asRefusal, Refusal } from './refusal.ts';
import type { RegistryStore } from './registry-store.ts';
import { sendTags } from './tag-routes.ts';
import { parseTarget, type Target } from './target.ts';
import { appendToUpload, beginUpload, cancelUpload, finishUpload, reportUpload } from './upload-routes.ts';
import { UploadSessions } from './upload-sessions.ts';

export type RegistryAccess = { readonly pull: boolean; readonly push: boolean };

export type RegistryPluginOptions = {
  readonly store: RegistryStore;
  /** What the caller may do; undefined when it is nobody we know. Called before any body is read. */
  readonly authorize: (
    request: FastifyRequest,
  ) => RegistryAccess | undefined | Promise<RegistryAccess | undefined>;
  readonly logger: Logger;
  /** Default 4 GiB: images hold whole programs. */
  readonly maxBlobBytes?: number;
  /** Uploads at a time, default 64. */
  readonly maxUploads?: number;
  /** Default one hour. */
  readonly uploadIdleMs?: number;
  /** Milliseconds. */
  readonly now?: () => number;
};

const hidden = { schema: { hide: true } };

/** OCI distribution spec 1.1 under `/v2/`: pull, push (monolithic, chunked, mount) and tag listing. Register without a prefix. */
export async function registryPlugin(app: FastifyInstance, options: RegistryPluginOptions): Promise<void> {
  const { store, logger } = options;
  const uploads = new UploadSessions({
    store,
    maxBlobBytes: options.maxBlobBytes ?? 4 * 2 ** 30,
    maxSessions: options.maxUploads ?? 64,
    idleMs: options.uploadIdleMs ?? 3_600_000,
    now: options.now ?? Date.now,
  });
  app.addHook('onClose', () => uploads[Symbol.asyncDispose]());

  // Bodies stay streams: they go to disk as they come.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('docker-distribution-api-version', 'registry/2.0');
    await requireAccess(options, request);
  });
  app.setErrorHandler(answerWith(logger));

  const handler = (request: FastifyRequest, reply: FastifyReply) => {
    const [path = ''] = request.url.split('?');
    return route({ store, uploads }, parseTarget(path), { request, reply });
  };
  for (const url of ['/v2', '/v2/', '/v2/*']) {
    app.route({
      method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      url,
      exposeHeadRoute: false,
      ...hidden,
      handler,
    });
  }
  await Promise.resolve();
}

type Parts = { readonly store: RegistryStore; readonly uploads: UploadSessions };
type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };

async function route(parts: Parts, target: Target, exchange: Exchange): Promise<FastifyReply> {
  const { store, uploads } = parts;
  const method = exchange.request.method === 'HEAD' ? 'GET' : exchange.request.method;
  switch (target.kind) {
    case 'root':
      if (method === 'GET') return exchange.reply.send({});
      break;
    case 'tags':
      if (method === 'GET') return sendTags(store, target.repository, exchange);
      break;
    case 'manifest':
      if (method === 'GET') return sendManifest(store, target, exchange);
      if (method === 'PUT') return receiveManifest(store, target, exchange);
      break;
    case 'blob':
      if (method === 'GET') return sendBlob(store, target.digest, exchange);
      break;
    case 'uploads':
      if (method === 'POST') return beginUpload(parts, target.repository, exchange);
      break;
    case 'upload':
      if (method === 'GET') return reportUpload(uploads, target, exchange);
      if (method === 'PATCH') return appendToUpload(uploads, target, exchange);
      if (method === 'PUT') return finishUpload(uploads, target, exchange);
      if (method === 'DELETE') return cancelUpload(uploads, target, exchange);
      break;
    default:
      target satisfies never;
  }
  throw new Refusal('UNSUPPORTED', `${exchange.request.method} is not supported here`);
}

async function requireAccess({ authorize }: RegistryPluginOptions, request: FastifyRequest): Promise<void> {
  const access = await authorize(request);
  if (access === undefined)
    throw new Refusal('UNAUTHORIZED', 'Log in with an operator token as the password');
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (reads ? !access.pull : !access.push) {
    throw new Refusal('DENIED', `You may not ${reads ? 'pull from' : 'push to'} this registry`);
  }
}

/** Failures as the specification words them. What is our own fault is logged and not described. */
function answerWith(logger: Logger) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    // The client went away in the middle of its body; nobody reads an answer.
    if (errorCode(error) === 'ECONNRESET') return void reply.hijack();
    const refusal = asRefusal(error);
    if (refusal === undefined || refusal.specCode === 'UNKNOWN') {
      logger.error('registry.request.failed', { method: request.method, url: request.url, error });
    }
    const { status, specCode, message } =
      refusal ?? new Refusal('UNKNOWN', 'The registry failed; see its log');
    if (specCode === 'UNAUTHORIZED') void reply.header('www-authenticate', 'Basic realm="holdfast"');
    // The rest of a refused body is not worth reading.
    if (!['GET', 'HEAD'].includes(request.method)) void reply.header('connection', 'close');
    void reply
      .code(status)
      .removeHeader('content-length')
      .type('application/json')
      .send({ errors: [{ code: specCode, message }] });
  };
}
