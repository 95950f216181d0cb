import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { deviceNameSchema, keepSchema, retentionSchema, streamListSchema } from '../../protocol/api.ts';
import { audit } from '../database/audit.ts';
import { deviceExists } from '../database/devices.ts';
import { selectUsage, setKeep, totalBytes, unsetKeep, type Keep } from '../database/retention.ts';
import { requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { noSuchDevice } from '../no-such-device.ts';
import { problemResponses } from './problems.ts';

const streamParams = z.object({ device: deviceNameSchema, stream: z.string().min(1).max(63) });
const security = [{ operator: [] }];
/** Of one answer. */
const maxStreams = 10_000;

/** What is kept of the messages that devices relayed, and what it takes. */
export function addRetentionRoutes(app: Api, context: ApiContext): void {
  addReadingRoutes(app, context);

  app.put(
    '/v1/devices/:device/streams/:stream/retention',
    {
      schema: {
        summary: 'Give a stream a retention of its own, in place of the default',
        params: streamParams,
        body: keepSchema,
        response: { 204: z.null(), ...problemResponses },
        security,
      },
    },
    async (request, reply) => {
      const { actor } = requireOperator(request);
      await changeKeep(context, { actor, ...request.params, keep: request.body });
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/v1/devices/:device/streams/:stream/retention',
    {
      schema: {
        summary: 'Keep a stream by the default again',
        params: streamParams,
        response: { 204: z.null(), ...problemResponses },
        security,
      },
    },
    async (request, reply) => {
      const { actor } = requireOperator(request);
      await changeKeep(context, { actor, ...request.params, keep: undefined });
      return reply.code(204).send(null);
    },
  );
}

function addReadingRoutes(app: Api, { db, retention }: ApiContext): void {
  app.get(
    '/v1/retention',
    {
      schema: {
        summary: 'What is kept of relayed messages: the defaults, and the streams with a rule of their own',
        response: { 200: retentionSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      const rules = await selectUsage(db, { limit: maxStreams, overridden: true });
      return { defaults: retention.defaults, totalBytes: await totalBytes(db), rules };
    },
  );

  app.get(
    '/v1/devices/:device/streams',
    {
      schema: {
        summary: 'The streams that the device relayed, by name, and what is kept of them',
        params: z.object({ device: deviceNameSchema }),
        response: { 200: streamListSchema, ...problemResponses },
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      return { streams: await selectUsage(db, { limit: maxStreams, device }) };
    },
  );
}

type KeepChange = {
  readonly actor: string;
  readonly device: string;
  readonly stream: string;
  readonly keep: Keep | undefined;
};

async function changeKeep(
  { db, now }: ApiContext,
  { actor, device, stream, keep }: KeepChange,
): Promise<void> {
  if (!(await deviceExists(db, device))) throw noSuchDevice(device);
  await db.transaction().execute(async (transaction) => {
    if (keep) {
      await setKeep(transaction, { device, stream }, keep);
    } else if (!(await unsetKeep(transaction, { device, stream }))) {
      throw new SyncError('notFound', `The stream ${stream} of ${device} has no retention of its own`);
    }
    const { keepMs = null, keepBytes = null } = keep ?? {};
    const said = { ...(keepMs !== null && { keepMs }), ...(keepBytes !== null && { keepBytes }) };
    const action = keep ? 'retention.set' : 'retention.reset';
    await audit(transaction, now(), { actor, action, device, detail: { stream, ...said } });
  });
}
