import { z } from 'zod';
import { deviceNameSchema } from '../../protocol/api.ts';
import {
  vaultGrantAnswerSchema,
  vaultGrantRequestSchema,
  vaultQuotaSchema,
  vaultUsageSchema,
} from '../../protocol/vault.ts';
import { deviceExists } from '../database/devices.ts';
import { requireDevice, requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { noSuchDevice } from '../no-such-device.ts';
import { problemResponses } from './problems.ts';

const params = z.object({ device: deviceNameSchema });
const security = [{ operator: [] }];

/** What the devices' vaults take, and what may be done to them. Their files go by another protocol: see `vault/`. */
export function addVaultRoutes(app: Api, context: ApiContext): void {
  addUsageRoutes(app, context);
  addGrantRoutes(app, context);
  addQuotaRoutes(app, context);
}

function addUsageRoutes(app: Api, { db, vaults }: ApiContext): void {
  app.get(
    '/v1/devices/:device/vault',
    {
      schema: {
        summary: "What the cloud keeps of a device's vault",
        params,
        response: { 200: vaultUsageSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      return vaults.usage(device);
    },
  );

  app.get(
    '/v1/device/vault',
    {
      schema: {
        summary: "What the cloud keeps of the device's own vault",
        response: { 200: vaultUsageSchema, ...problemResponses },
        security: [{ device: [] }],
      },
    },
    async (request) => vaults.usage(requireDevice(request).device),
  );
}

function addGrantRoutes(app: Api, { db, vaults }: ApiContext): void {
  const answer = { params, response: { 200: vaultGrantAnswerSchema, ...problemResponses }, security };
  const path = '/v1/devices/:device/vault/grant';
  app.get(path, { schema: { summary: 'The grant that runs, if one does', ...answer } }, async (request) => {
    requireOperator(request);
    const { device } = request.params;
    if (!(await deviceExists(db, device))) throw noSuchDevice(device);
    return { grant: await vaults.grant(device) };
  });

  app.post(
    path,
    {
      schema: {
        summary: 'Let files of the vault be removed for a time, by operators and by the device itself',
        body: vaultGrantRequestSchema,
        ...answer,
      },
    },
    async (request) => {
      const { actor } = requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      return { grant: await vaults.giveGrant(device, request.body.forMs, actor) };
    },
  );

  app.delete(path, { schema: { summary: 'End the grant that runs', ...answer } }, async (request) => {
    const { actor } = requireOperator(request);
    const { device } = request.params;
    if (!(await deviceExists(db, device))) throw noSuchDevice(device);
    await vaults.endGrant(device, actor);
    return { grant: null };
  });
}

function addQuotaRoutes(app: Api, { db, vaults }: ApiContext): void {
  const answer = { params, response: { 204: z.null(), ...problemResponses }, security };
  const path = '/v1/devices/:device/vault/quota';
  app.put(
    path,
    {
      schema: {
        summary: 'Give a vault a quota of its own, in place of the default',
        body: vaultQuotaSchema,
        ...answer,
      },
    },
    async (request, reply) => {
      const { actor } = requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      await vaults.setQuota(device, request.body.quotaBytes, actor);
      return reply.code(204).send(null);
    },
  );

  app.delete(path, { schema: { summary: 'The default quota again', ...answer } }, async (request, reply) => {
    const { actor } = requireOperator(request);
    const { device } = request.params;
    if (!(await deviceExists(db, device))) throw noSuchDevice(device);
    await vaults.resetQuota(device, actor);
    return reply.code(204).send(null);
  });
}
