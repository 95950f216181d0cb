import { z } from 'zod';
import { version } from '../../../lib/version.ts';
import { infoSchema } from '../../protocol/api.ts';
import type { Api, ApiContext } from './context.ts';

/** What needs no credential. */
export function addInfoRoutes(app: Api, { authority, addresses }: ApiContext): void {
  app.get(
    '/v1/info',
    { schema: { summary: 'What a client needs before it can trust us', response: { 200: infoSchema } } },
    () => ({ name: 'holdfast' as const, version, ca: authority.caPem, mqtt: addresses().mqttUrl }),
  );
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process serves',
        response: { 200: z.object({ status: z.literal('ok') }) },
      },
    },
    () => ({ status: 'ok' as const }),
  );
  app.get('/v1/openapi.json', { schema: { hide: true } }, () => app.swagger());
}
