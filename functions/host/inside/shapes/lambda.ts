import { jsonAnswer } from '../answer.ts';
import { batchAnswer, sqsEvent } from './lambda/batch.ts';
import { lambdaAnswer } from './lambda/callback.ts';
import { lambdaContext } from './lambda/context.ts';
import { apiGatewayAnswer, apiGatewayEvent } from './lambda/http.ts';
import { iotEvent } from './lambda/message.ts';
import { scheduledEvent } from './lambda/schedule.ts';
import type { Delivery, Shape, ShapeTools, Started } from './shape.ts';

/** `export const handler = async (event, context) => …`, also with a callback as third parameter. */
export function lambdaShape(tools: ShapeTools, handler: (...args: unknown[]) => unknown): Shape {
  const { safe, setup } = tools;
  const { resultBytes } = setup.limits;
  const asJson = (result: unknown) => jsonAnswer(safe, 'handler', result, resultBytes);
  const takesCallback = handler.length >= 3;
  const call = (delivery: Delivery, event: unknown) => {
    const { invocation } = delivery;
    const waits = () => Boolean(context.callbackWaitsForEmptyEventLoop);
    const { done, callback, after } = lambdaAnswer(tools, { invocation, takesCallback, waits });
    const context = lambdaContext(tools, delivery, done);
    return after(safe.apply(handler, undefined, [event, context, callback]));
  };

  const start = (delivery: Delivery): Started => {
    const { header, payload } = delivery;
    switch (header.kind) {
      case 'message':
        return { value: call(delivery, iotEvent(tools, header, payload)), answer: asJson };
      case 'scheduled':
        return { value: call(delivery, scheduledEvent(header, delivery.invocation.label)), answer: asJson };
      case 'file': {
        const { kind: type, ...file } = header;
        return { value: call(delivery, { type, ...file }), answer: asJson };
      }
      case 'invoke': {
        const json = payload.text();
        const event = json === '' ? undefined : safe.parse(json);
        return { value: call(delivery, event), answer: asJson };
      }
      case 'queue': {
        const ids = header.messages.map(({ id }) => id);
        const event = sqsEvent(tools, header, payload.bytes());
        return { value: call(delivery, event), answer: (result) => batchAnswer(safe, ids, result) };
      }
      case 'fetch': {
        const event = apiGatewayEvent(tools, header, payload.bytes(), delivery.invocation.label);
        return { value: call(delivery, event), answer: (result) => apiGatewayAnswer(tools, result) };
      }
      default:
        return header satisfies never;
    }
  };
  return { names: ['handler'], start };
}
