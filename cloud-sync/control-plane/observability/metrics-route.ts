import { prometheusContentType } from '../../../lib/metrics/prometheus-text.ts';
import { requireOperator } from '../api/authentication.ts';
import type { Api } from '../api/context.ts';

/** Where Prometheus looks by itself; it sends the operator's token as its bearer token. */
export function addMetricsRoute(app: Api, text: () => Promise<string>): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'What the control plane measures, in the text format of Prometheus',
        security: [{ operator: [] }],
      },
    },
    async (request, reply) => {
      requireOperator(request);
      return reply.type(prometheusContentType).send(await text());
    },
  );
}
