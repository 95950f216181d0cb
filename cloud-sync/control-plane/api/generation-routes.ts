import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import {
  activateRequestSchema,
  deviceNameSchema,
  generationListSchema,
  generationsQuerySchema,
  rollbackRequestSchema,
  rollbackResponseSchema,
} from '../../protocol/api.ts';
import { desiredSchema, type Desired } from '../../protocol/messages.ts';
import { audit } from '../database/audit.ts';
import { deviceExists, tenant } from '../database/devices.ts';
import {
  activateGeneration,
  desiredOf,
  listGenerations,
  manifestOf,
  rollbackTarget,
} from '../database/generations.ts';
import type { Database } from '../database/schema.ts';
import { requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { checkBundles, deploy, readFor } from './deploy-route.ts';
import { noSuchDevice } from '../no-such-device.ts';
import { problemResponses } from './problems.ts';

const params = z.object({ device: deviceNameSchema });
const security = [{ operator: [] }];

/** What became of generations, and which of them is to run. */
export function addGenerationRoutes(app: Api, context: ApiContext): void {
  addListRoute(app, context);
  addActivateRoute(app, context);
  addRollbackRoute(app, context);
}

function addListRoute(app: Api, { db }: ApiContext): void {
  app.get(
    '/v1/devices/:device/generations',
    {
      schema: {
        summary: 'The generations of a device and what became of them, the newest first',
        params,
        querystring: generationsQuerySchema,
        response: { 200: generationListSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      return { generations: await listGenerations(db, device, request.query.limit) };
    },
  );
}

function addActivateRoute(app: Api, { db, now, devices, logger }: ApiContext): void {
  app.post(
    '/v1/devices/:device/activate',
    {
      schema: {
        summary: 'Let the desired generation go live now, staged or waiting',
        params,
        body: activateRequestSchema,
        response: { 200: desiredSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      const { actor } = requireOperator(request);
      const { device } = request.params;
      const desired = await db.transaction().execute(async (transaction) => {
        const wanted = await requireDesired(transaction, device, request.body.generation);
        const detail = { generation: wanted.generation, digest: wanted.digest };
        await audit(transaction, now(), { actor, action: 'device.activated', device, detail });
        return activateGeneration(transaction, device, wanted);
      });
      devices.announce({ tenant, device }, (await desiredOf(db, device)) ?? desired);
      logger.info('device.activated', { device, generation: desired.generation });
      return desired;
    },
  );
}

function addRollbackRoute(app: Api, context: ApiContext): void {
  const { db } = context;
  app.post(
    '/v1/devices/:device/rollback',
    {
      schema: {
        summary: 'Make the manifest of an earlier generation the desired one again',
        params,
        body: rollbackRequestSchema,
        response: { 200: rollbackResponseSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      const { actor } = requireOperator(request);
      const { device } = request.params;
      const { to, now } = request.body;
      const desired = await requireDesired(db, device);
      const target = await rollbackTarget(db, device, { desired, to });
      const bytes = target && (await manifestOf(db, device, target.digest));
      if (!target || !bytes) throw noTarget(device, to);
      const { machine, digest } = readFor(device, bytes);
      await checkBundles(context, machine);
      const restored = target.generation;
      const leave = now ? 'now' : undefined;
      return { ...(await deploy(context, { actor, device, digest, bytes, leave, restored })), restored };
    },
  );
}

async function requireDesired(db: Database, device: string, generation?: number): Promise<Desired> {
  if (!(await deviceExists(db, device))) throw noSuchDevice(device);
  const desired = await desiredOf(db, device);
  if (!desired) {
    throw new SyncError('notFound', `Nothing is deployed to ${device} yet`, {
      hint: 'Deploy it: holdfast deploy machine.yaml.',
    });
  }
  if (generation === undefined || generation === desired.generation) return desired;
  throw new SyncError(
    'conflict',
    `Generation ${generation} cannot be activated: generation ${desired.generation} is desired of ${device}`,
    { hint: `To go back to it: holdfast rollback ${device} --to ${generation}.` },
  );
}

function noTarget(device: string, to: number | undefined): SyncError {
  const message =
    to === undefined
      ? `${device} has committed no earlier generation with another manifest`
      : `${device} never had a generation ${to}`;
  return new SyncError('notFound', message, {
    hint: `See those there were: holdfast generations ${device}.`,
  });
}
