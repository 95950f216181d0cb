import { z } from 'zod';
import { documentMessage, type Rejection } from '../../../lib/shadow/shadow-messages.ts';
import type { Outcome } from '../../../lib/shadow/shadow-request.ts';
import { SyncError, type SyncErrorCode } from '../../errors.ts';
import { deviceNameSchema } from '../../protocol/api.ts';
import {
  shadowDocumentSchema,
  shadowListSchema,
  shadowNameSchema,
  shadowPatchSchema,
} from '../../protocol/shadow.ts';
import { audit } from '../database/audit.ts';
import { deviceExists } from '../database/devices.ts';
import { requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { noSuchDevice } from '../no-such-device.ts';
import { problemResponses } from './problems.ts';

const security = [{ operator: [] }];
const params = z.object({ device: deviceNameSchema, name: shadowNameSchema });

/** Shadows of devices as operators read and steer them; devices themselves use MQTT. */
export function addShadowRoutes(app: Api, context: ApiContext): void {
  addReadRoutes(app, context);
  addPatchRoute(app, context);
  addDeleteRoute(app, context);
}

function addReadRoutes(app: Api, { db, shadows }: ApiContext): void {
  app.get(
    '/v1/devices/:device/shadows',
    {
      schema: {
        summary: 'The shadows of a device, by name',
        params: params.pick({ device: true }),
        response: { 200: shadowListSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      return { shadows: await shadows.list(device) };
    },
  );
  app.get(
    '/v1/devices/:device/shadows/:name',
    {
      schema: {
        summary: 'A shadow: what is desired, what is reported, and what differs',
        params,
        response: { 200: shadowDocumentSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      return documentMessage(accepted(await shadows.get(request.params)));
    },
  );
}

function addPatchRoute(app: Api, { db, now, shadows }: ApiContext): void {
  app.patch(
    '/v1/devices/:device/shadows/:name',
    {
      schema: {
        summary: 'Change a shadow, or make it',
        params,
        body: shadowPatchSchema,
        response: { 200: shadowDocumentSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      const { actor } = requireOperator(request);
      const { device, name } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      const outcome = await shadows.update({ device, name }, request.body, (transaction) =>
        audit(transaction, now(), { actor, action: 'shadow.updated', device, detail: { name } }),
      );
      return documentMessage(accepted(outcome), request.body.clientToken);
    },
  );
}

function addDeleteRoute(app: Api, { now, shadows }: ApiContext): void {
  app.delete(
    '/v1/devices/:device/shadows/:name',
    {
      schema: {
        summary: 'Delete a shadow',
        params,
        querystring: z.strictObject({ version: z.coerce.number().int().min(0).optional() }),
        response: { 204: z.null(), ...problemResponses },
        security,
      },
    },
    async (request, reply) => {
      const { actor } = requireOperator(request);
      const { device, name } = request.params;
      const outcome = await shadows.delete({ device, name }, request.query, (transaction) =>
        audit(transaction, now(), { actor, action: 'shadow.deleted', device, detail: { name } }),
      );
      accepted(outcome);
      return reply.code(204).send(null);
    },
  );
}

function accepted<T>(outcome: Outcome<T>): T {
  if (outcome.rejected) throw problemOf(outcome.rejected);
  return outcome.accepted;
}

const codes: Partial<Record<Rejection['code'], SyncErrorCode>> = {
  404: 'notFound',
  409: 'conflict',
  413: 'tooLarge',
};

function problemOf({ code, message }: Rejection): SyncError {
  const hint = code === 409 ? { hint: 'Read the shadow again and use its version.' } : {};
  return new SyncError(codes[code] ?? 'badRequest', message, hint);
}
