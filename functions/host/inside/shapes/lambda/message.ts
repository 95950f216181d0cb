import { encodeBase64 } from '../../web/base64.ts';
import type { Payload } from '../../types.ts';
import type { EventHeader, ShapeTools } from '../shape.ts';

/**
 * As the rule `SELECT *` of AWS IoT gives a message: the JSON value that is its payload. A payload that is no JSON comes as an object
 * with the bytes in base64.
 */
export function iotEvent(
  { safe, text }: ShapeTools,
  { topic, time, contentType }: Extract<EventHeader, { kind: 'message' }>,
  payload: Payload,
): unknown {
  try {
    return safe.parse(payload.isText ? payload.text() : text.decode(payload.bytes(), true));
  } catch {
    const type = contentType === undefined ? {} : { contentType };
    return { topic, payload: encodeBase64(payload.bytes()), isBase64Encoded: true, ...type, time };
  }
}
