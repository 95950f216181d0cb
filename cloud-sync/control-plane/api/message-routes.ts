import { z } from 'zod';
import { topicMatches } from '../../../lib/topic-filter.ts';
import {
  deviceNameSchema,
  messagePageSchema,
  messagesQuerySchema,
  type MessagePage,
  type StoredMessage,
} from '../../protocol/api.ts';
import { deviceExists } from '../database/devices.ts';
import { selectMessages } from '../database/relay.ts';
import type { Database } from '../database/schema.ts';
import { requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { noSuchDevice } from './device-routes.ts';
import { problemResponses } from './problems.ts';

/** A page ends when its payloads reach this many characters, and a search after this many rows. */
const pageChars = 8 * 2 ** 20;
const scannedRows = 100_000;
const chunkRows = 250;

export function addMessageRoutes(app: Api, { db }: ApiContext): void {
  app.get(
    '/v1/devices/:device/messages',
    {
      schema: {
        summary: 'What the device relayed, in order of arrival',
        params: z.object({ device: deviceNameSchema }),
        querystring: messagesQuerySchema,
        response: { 200: messagePageSchema, ...problemResponses },
        security: [{ operator: [] }],
      },
    },
    async (request) => {
      requireOperator(request);
      const { device } = request.params;
      if (!(await deviceExists(db, device))) throw noSuchDevice(device);
      return readPage(db, { device, ...request.query });
    },
  );
}

type PageQuery = z.output<typeof messagesQuerySchema> & { readonly device: string };

/** Reads in small pieces, so that other work gets its turn between them. */
async function readPage(
  db: Database,
  { device, stream, topic, after, limit }: PageQuery,
): Promise<MessagePage> {
  const wanted = (message: StoredMessage) =>
    topic === undefined || (message.topic !== null && topicMatches(topic, message.topic));
  const messages: StoredMessage[] = [];
  let cursor = after;
  let chars = 0;
  for (let scanned = 0; scanned < scannedRows; scanned += chunkRows) {
    const rows = await selectMessages(db, { device, stream, after: cursor, limit: chunkRows });
    for (const message of rows) {
      cursor = message.id;
      if (!wanted(message)) continue;
      messages.push(message);
      chars += message.payload?.length ?? 0;
      if (messages.length >= limit || chars >= pageChars) return { messages, next: cursor };
    }
    if (rows.length < chunkRows) return { messages, next: null };
  }
  return { messages, next: cursor };
}
