import type { Answer, Safe } from '../../types.ts';
import { encodeBase64 } from '../../web/base64.ts';
import { splitBodies } from '../queue-batch.ts';
import type { EventHeader, ShapeTools } from '../shape.ts';
import { md5Hex } from './md5.ts';
import { arnOf, region } from './names.ts';

/** As SQS. Bodies are strings: those that are not text come in base64, and every content type is a message attribute. */
export function sqsEvent(
  { text }: ShapeTools,
  header: Extract<EventHeader, { kind: 'queue' }>,
  payload: Uint8Array,
): object {
  const Records = splitBodies(header, payload).map(({ head, bytes }) => {
    const isText = /^(text\/|application\/(json|[^;]*\+json))/i.test(head.contentType ?? '');
    const body = isText ? text.decode(bytes) : encodeBase64(bytes);
    const sentMs = `${Date.parse(head.time)}`;
    return {
      messageId: head.id,
      receiptHandle: head.id,
      body,
      attributes: {
        ApproximateReceiveCount: `${head.attempts}`,
        SentTimestamp: sentMs,
        SenderId: header.queue,
        ApproximateFirstReceiveTimestamp: sentMs,
      },
      messageAttributes:
        head.contentType === undefined ? {} : { contentType: stringAttribute(head.contentType) },
      md5OfBody: md5Hex(text.encode(body)),
      eventSource: 'aws:sqs',
      eventSourceARN: arnOf('sqs', header.queue),
      awsRegion: region,
    };
  });
  return { Records };
}

function stringAttribute(stringValue: string) {
  return { stringValue, dataType: 'String', stringListValues: [], binaryListValues: [] };
}

/**
 * A partial batch response as AWS reads it: nothing, or no list, is success; an entry that names no message of the batch fails all
 * of it. Throws TypeError for the latter.
 */
export function batchAnswer(safe: Safe, ids: readonly string[], result: unknown): Answer {
  const failures = (result as { batchItemFailures?: unknown } | null | undefined)?.batchItemFailures ?? [];
  if (!Array.isArray(failures)) throw new TypeError('batchItemFailures is a list of { itemIdentifier }');
  const known = new Set(ids);
  const retry = new Set<string>();
  for (const failure of failures as unknown[]) {
    const id = (failure as { itemIdentifier?: unknown } | null | undefined)?.itemIdentifier;
    if (typeof id !== 'string' || !known.has(id))
      throw new TypeError(
        `batchItemFailures names ${typeof id === 'string' ? id : 'no itemIdentifier'}, which is no messageId of the batch`,
      );
    retry.add(id);
  }
  return { json: safe.stringify({ retry: Array.from(retry, (id) => ({ id })) }) ?? '' };
}
