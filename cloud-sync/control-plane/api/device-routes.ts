import { z } from 'zod';
import {
  deviceListSchema,
  deviceNameSchema,
  deviceSchema,
  invokeRequestSchema,
  invokeResponseSchema,
} from '../../protocol/api.ts';
import { audit } from '../database/audit.ts';
import { revokeCertificates } from '../database/certificates.ts';
import { deviceExists, tenant } from '../database/devices.ts';
import { selectFleet } from '../database/fleet.ts';
import { requireOperator } from './authentication.ts';
import { noSuchDevice } from '../no-such-device.ts';
import type { Api, ApiContext } from './context.ts';
import { problemResponses } from './problems.ts';

const params = z.object({ device: deviceNameSchema });
const security = [{ operator: [] }];
/** A client that waits for headers hears from us this often: 102 Processing. */
const keepWaitingMs = 5000;
const maxInvocationBytes = 256 * 1024;

/** Devices as operators see and steer them. */
export function addDeviceRoutes(app: Api, context: ApiContext): void {
  const { db } = context;
  app.get(
    '/v1/devices',
    {
      schema: { summary: 'All devices', response: { 200: deviceListSchema, ...problemResponses }, security },
    },
    async (request) => {
      requireOperator(request);
      return { devices: await selectFleet(db) };
    },
  );

  app.get(
    '/v1/devices/:device',
    {
      schema: {
        summary: 'One device',
        params,
        response: { 200: deviceSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      const [device] = await selectFleet(db, request.params.device);
      if (!device) throw noSuchDevice(request.params.device);
      return device;
    },
  );

  app.delete(
    '/v1/devices/:device/certificates',
    {
      schema: {
        summary: 'Revoke the certificates of a device and end its connection',
        params,
        response: { 204: z.null(), ...problemResponses },
        security,
      },
    },
    async (request, reply) => {
      const { actor } = requireOperator(request);
      await revoke(context, actor, request.params.device);
      return reply.code(204).send(null);
    },
  );

  addInvocationRoute(app, context);
}

async function revoke({ db, now, devices }: ApiContext, actor: string, device: string): Promise<void> {
  if (!(await deviceExists(db, device))) throw noSuchDevice(device);
  await db.transaction().execute(async (transaction) => {
    const revoked = await revokeCertificates(transaction, now(), device);
    await audit(transaction, now(), { actor, action: 'device.revoked', device, detail: { revoked } });
  });
  await devices.cutOff(device);
}

function addInvocationRoute(app: Api, { db, now, devices }: ApiContext): void {
  app.post(
    '/v1/devices/:device/invocations',
    {
      bodyLimit: maxInvocationBytes,
      schema: {
        summary: 'Run a function on the device and wait for its result',
        params,
        body: invokeRequestSchema,
        response: { 200: invokeResponseSchema, ...problemResponses },
        security,
      },
    },
    async (request, reply) => {
      const { actor } = requireOperator(request);
      const { device } = request.params;
      const { function: name, payload } = request.body;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      await audit(db, now(), { actor, action: 'device.invoked', device, detail: { function: name } });
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const waiting = setInterval(() => reply.raw.writeProcessing(), keepWaitingMs);
      try {
        const command = { kind: 'invoke', function: name, payload } as const;
        return { result: await devices.run({ tenant, device }, command, { signal: gone.signal }) };
      } finally {
        clearInterval(waiting);
      }
    },
  );
}
