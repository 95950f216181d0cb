import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { generationListSchema, generationsQuerySchema, manifestMediaType } from '../../protocol/api.ts';
import { desiredSchema, digestSchema, type Desired } from '../../protocol/messages.ts';
import { desiredOf, listGenerations, manifestOf } from '../database/generations.ts';
import { requireDevice } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { problemResponses } from './problems.ts';

const security = [{ device: [] }];

/** What a device reads about itself, by its certificate: also when MQTT is blocked. */
export function addOwnRoutes(app: Api, { db }: ApiContext): void {
  app.get(
    '/v1/device/desired',
    {
      schema: {
        summary: 'What this device should run',
        description: 'With an ETag; If-None-Match gives 304 while nothing changed.',
        response: { 200: desiredSchema, 304: z.null(), ...problemResponses },
        security,
      },
    },
    async (request, reply) => {
      const { device } = requireDevice(request);
      const desired = await desiredOf(db, device);
      if (!desired) throw new SyncError('notFound', `Nothing is deployed to ${device} yet`);
      const etag = etagOf(desired);
      void reply.header('etag', etag).header('cache-control', 'no-cache');
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send(null);
      return reply.send(desired);
    },
  );

  app.get(
    '/v1/device/generations',
    {
      schema: {
        summary: 'What became of the generations that this device was to run, the newest first',
        querystring: generationsQuerySchema,
        response: { 200: generationListSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      const { device } = requireDevice(request);
      return { generations: await listGenerations(db, device, request.query.limit) };
    },
  );

  app.get(
    '/v1/device/manifests/:digest',
    {
      schema: {
        summary: 'A manifest that was desired of this device, in canonical JSON',
        params: z.object({ digest: digestSchema }),
        security,
      },
    },
    async (request, reply) => {
      const { device } = requireDevice(request);
      const { digest } = request.params;
      const bytes = await manifestOf(db, device, digest);
      if (!bytes) throw new SyncError('notFound', `No manifest ${digest} was ever deployed to ${device}`);
      return reply.type(manifestMediaType).send(Buffer.from(bytes));
    },
  );
}

/** A generation that is told to go live is another answer. */
const etagOf = ({ generation, hold, now }: Desired) =>
  `"${generation}${hold ? '-hold' : ''}${now ? '-now' : ''}"`;

const matchesEtag = (header: string | undefined, etag: string) =>
  header?.split(',').some((candidate) => ['*', etag, `W/${etag}`].includes(candidate.trim())) ?? false;
