import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context,
  SQSBatchResponse,
  SQSEvent,
} from 'aws-lambda';
import { InvalidOrder, parseOrder } from './order.ts';

/**
 * Written for AWS Lambda, with its types and nothing else: API Gateway (HTTP API) brings orders to be checked, SQS brings orders
 * to be packed. A message that cannot be packed is reported alone, so that the others of its batch are not packed twice.
 */
export const handler = async (
  event: APIGatewayProxyEventV2 | SQSEvent,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2 | SQSBatchResponse> =>
  'Records' in event ? packAll(event, context) : check(event);

function check({
  requestContext,
  body,
  isBase64Encoded,
}: APIGatewayProxyEventV2): APIGatewayProxyStructuredResultV2 {
  if (requestContext.http.method !== 'POST') return json(405, { error: 'POST an order' }, { allow: 'POST' });
  try {
    const text = isBase64Encoded ? atob(body ?? '') : (body ?? '');
    const { id, lines } = parseOrder(text);
    return json(200, { id, pieces: lines.reduce((sum, { count }) => sum + count, 0) });
  } catch (error) {
    if (error instanceof InvalidOrder) return json(422, { error: error.message });
    throw error;
  }
}

async function packAll({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const outcomes = await Promise.allSettled(Records.map(({ body }) => pack(body, context)));
  const failed = Records.filter((_, at) => outcomes[at]?.status === 'rejected');
  for (const outcome of outcomes) if (outcome.status === 'rejected') console.warn(String(outcome.reason));
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

async function pack(body: string, { awsRequestId }: Context): Promise<void> {
  const { id, customer, lines } = parseOrder(body);
  // A stand-in for the work: the packing station answers after a moment.
  await new Promise((resolve) => setTimeout(resolve, 5));
  console.log(
    `${awsRequestId} packed ${id} for ${customer}: ${lines.map(({ sku, count }) => `${count} × ${sku}`).join(', ')}`,
  );
}

function json(
  statusCode: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(value),
  };
}
