import { jsonAnswer, responseAnswer } from '../answer.ts';
import type { Answer, Invocation } from '../types.ts';
import { contentOf, isStreamed, takeBytes } from '../web/body.ts';
import { wireForm } from '../web/headers.ts';
import { receivedRequest } from '../web/request.ts';
import { isResponse } from '../web/response.ts';
import { FileEvent } from './file-event.ts';
import { QueueBatch, outcomeOf } from './queue-batch.ts';
import { ScheduledController } from './scheduled-controller.ts';
import type { Delivery, EventKind, Shape, ShapeTools } from './shape.ts';
import { TopicMessage } from './topic-message.ts';

/** The handler of each kind of event bears its name. */
export const handlerNames: readonly EventKind[] = [
  'message',
  'scheduled',
  'queue',
  'fetch',
  'file',
  'invoke',
];

/** `export default { fetch(request, env, ctx) { … } }`, an object or an instance of a class. */
export function moduleShape(
  tools: ShapeTools,
  main: Record<string, unknown>,
  names: readonly string[],
): Shape {
  const { safe, setup } = tools;
  const { resultBytes } = setup.limits;
  const asJson = (handler: string) => (result: unknown) => jsonAnswer(safe, handler, result, resultBytes);
  const call = (delivery: Delivery, event: unknown) =>
    safe.apply(main[delivery.header.kind], main, [event, delivery.env, moduleContext(tools, delivery)]);

  const start = (delivery: Delivery) => {
    const { header, payload } = delivery;
    switch (header.kind) {
      case 'message':
        return { value: call(delivery, new TopicMessage(tools, header, payload)), answer: asJson('message') };
      case 'scheduled':
        return {
          value: call(delivery, new ScheduledController(header, delivery.invocation)),
          answer: asJson('scheduled'),
        };
      case 'file':
        return { value: call(delivery, new FileEvent(header)), answer: asJson('file') };
      case 'invoke': {
        const json = payload.text();
        const event = json === '' ? undefined : safe.parse(json);
        return { value: call(delivery, event), answer: asJson('invoke') };
      }
      case 'queue': {
        const batch = new QueueBatch(tools, header, payload.bytes());
        return {
          value: call(delivery, batch),
          answer: () => ({ jsonAtEnd: () => safe.stringify(outcomeOf(batch)) ?? '' }),
        };
      }
      case 'fetch': {
        const { method, url, headers } = header;
        const request = receivedRequest({ method, url, headers, payload });
        return {
          value: readResponse(tools, call(delivery, request), delivery.invocation),
          answer: (read: unknown) => read as Answer,
        };
      }
      default:
        return header satisfies never;
    }
  };
  return {
    names,
    start: (delivery) => (typeof main[delivery.header.kind] === 'function' ? start(delivery) : undefined),
  };
}

/** At once when the handler has answered, so that work under waitUntil may go on writing the body. */
async function readResponse(tools: ShapeTools, returned: unknown, invocation: Invocation): Promise<Answer> {
  const maxBytes = tools.setup.limits.resultBytes;
  const response = await returned;
  if (!isResponse(response))
    throw new TypeError(`The handler fetch must return a Response; it returned ${nameOf(response)}`);
  if (response.status === 0)
    throw new TypeError('The handler fetch returned Response.error(), which HTTP cannot carry');
  const head = { status: response.status, headers: wireForm(response.headers) };
  const content = contentOf(response);
  const read = takeBytes(content, maxBytes);
  const body = isStreamed(content) ? Promise.race([read, withoutEnd(tools, invocation)]) : read;
  return responseAnswer(head, await body, maxBytes);
}

/**
 * Rejects when work under waitUntil has failed and nothing of the invocation is under way any more that could go on writing its body:
 * that work was to do it. Other work may fail beside a body that comes to its end.
 */
function withoutEnd({ whenIdle }: ShapeTools, invocation: Invocation): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  // As it was thrown, whatever it is.
  const look = (error: unknown) => whenIdle(invocation, () => reject(error));
  if (invocation.failed) look(invocation.failed.error);
  else invocation.whenWorkFails = look;
  return promise;
}

function nameOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  const { constructor } = value;
  return typeof constructor === 'function' && constructor.name !== '' ? `a ${constructor.name}` : 'an object';
}

function moduleContext({ setup, waitUntil, now }: ShapeTools, { invocation, env }: Delivery): object {
  return {
    invocation: invocation.label,
    functionName: setup.name,
    env,
    props: {},
    waitUntil: (work: unknown) => waitUntil(invocation, work),
    passThroughOnException,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - now()),
  };
}

/** There is no origin behind the function to which a request could pass. */
function passThroughOnException(): void {
  return undefined;
}
