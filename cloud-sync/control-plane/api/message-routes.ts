import { z } from 'zod';
import {
  deviceNameSchema,
  messagePageSchema,
  messagesQuerySchema,
  type MessagePage,
} from '../../protocol/api.ts';
import { deviceExists } from '../database/devices.ts';
import type { Database } from '../database/schema.ts';
import { readMessagePage } from '../message-page.ts';
import { requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { noSuchDevice } from '../no-such-device.ts';
import { problemResponses } from './problems.ts';

const response = { 200: messagePageSchema, ...problemResponses };
const security = [{ operator: [] }];

export function addMessageRoutes(app: Api, { db }: ApiContext): void {
  app.get(
    '/v1/devices/:device/messages',
    {
      schema: {
        summary: 'What the device relayed, in order of arrival',
        params: z.object({ device: deviceNameSchema }),
        querystring: messagesQuerySchema,
        response,
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      return readPage(db, device, request.query);
    },
  );

  app.get(
    '/v1/messages',
    {
      schema: {
        summary: 'What all devices relayed, in order of arrival',
        querystring: messagesQuerySchema,
        response,
        security,
      },
    },
    async (request) => {
      requireOperator(request);
      return readPage(db, undefined, request.query);
    },
  );
}

function readPage(
  db: Database,
  device: string | undefined,
  query: z.output<typeof messagesQuerySchema>,
): Promise<MessagePage> {
  const { stream, topic, after, limit } = query;
  const [sinceMs, untilMs] = [query.since, query.until].map(toMs);
  return readMessagePage(db, { device, stream, topic, after, limit, sinceMs, untilMs });
}

const toMs = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
