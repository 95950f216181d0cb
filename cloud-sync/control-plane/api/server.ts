import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import Fastify from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { version } from '../../../lib/version.ts';
import { SyncError } from '../../errors.ts';
import { addAuthentication } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { addDeployRoute } from './deploy-route.ts';
import { addDeviceRoutes } from './device-routes.ts';
import { addEnrolmentRoutes } from './enrolment-routes.ts';
import { addGenerationRoutes } from './generation-routes.ts';
import { addInfoRoutes } from './info-route.ts';
import { addMessageRoutes } from './message-routes.ts';
import { addOwnRoutes } from './own-routes.ts';
import { createErrorHandler } from './problems.ts';
import { addRetentionRoutes } from './retention-routes.ts';
import { addRecoveryRoutes } from './recovery-routes.ts';
import { addShadowRoutes } from './shadow-routes.ts';
import { addVaultRoutes } from './vault-routes.ts';

export type ApiServerOptions = {
  readonly context: ApiContext;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Adds what else is served at this port. */
  readonly extend: (app: Api) => Promise<void>;
};

const bodyLimit = 64 * 1024;
const headersTimeoutMs = 15_000;
/** For a whole request: a layer of an image may come over a slow line. */
const requestTimeoutMs = 10 * 60_000;

/** The HTTPS API, ready but not listening. Operators come with a token, devices with a client certificate. */
export async function createApiServer({ context, tls, extend }: ApiServerOptions): Promise<Api> {
  const app: Api = Fastify({
    // Whoever shows a bad certificate is told so by the routes, in words.
    https: { ...tls, requestCert: true, rejectUnauthorized: false, handshakeTimeout: headersTimeoutMs },
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 255 },
  }).withTypeProvider<ZodTypeProvider>();
  app.server.headersTimeout = headersTimeoutMs;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(context.logger));
  app.setNotFoundHandler((request) => {
    throw new SyncError('notFound', `There is nothing at ${request.method} ${request.url.slice(0, 200)}`);
  });
  logRequests(app, context);
  addAuthentication(app, context.db);
  await app.register(swagger, { openapi: document, transform: jsonSchemaTransform });
  await extend(app);
  addInfoRoutes(app, context);
  addEnrolmentRoutes(app, context);
  addRecoveryRoutes(app, context);
  addDeployRoute(app, context);
  addDeviceRoutes(app, context);
  addGenerationRoutes(app, context);
  addMessageRoutes(app, context);
  addRetentionRoutes(app, context);
  addOwnRoutes(app, context);
  addShadowRoutes(app, context);
  addVaultRoutes(app, context);
  await app.ready();
  return app;
}

const document = {
  openapi: '3.1.0',
  info: { title: 'Holdfast control plane', version },
  components: {
    securitySchemes: {
      operator: { type: 'http', scheme: 'bearer' },
      // OpenAPI 3.1 has mutualTLS, its types do not.
      device: { type: 'mutualTLS', description: 'The certificate that enrolment gave the device' } as never,
    },
  },
} satisfies FastifyDynamicSwaggerOptions['openapi'];

function logRequests(app: Api, { logger }: ApiContext): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, identity } = request;
    const fields = { method, route: routeOptions.url, status: reply.statusCode, by: identity?.kind };
    logger.debug('api.request', { ...fields, ms: Math.round(reply.elapsedTime) });
    done();
  });
}
