import type { FunctionControl } from '../triggers/function-control.ts';
import {
  chosenDeadLettersSchema,
  deadLettersQuerySchema,
  pauseRequestSchema,
  resumeRequestSchema,
  type DeadLetters,
} from './protocol.ts';

/** What an operator may do with functions. */
export type FunctionDesk = Pick<
  FunctionControl,
  'pause' | 'resume' | 'deadLetters' | 'redeliver' | 'discard' | 'deadCount'
>;

type Answer = (desk: FunctionDesk, name: string, input: unknown) => Promise<object>;

const answers: Readonly<Record<string, Answer>> = {
  'POST pause': async (desk, name, input) => {
    await desk.pause(name, pauseRequestSchema.parse(input).reason);
    return {};
  },
  'POST resume': async (desk, name, input) => {
    resumeRequestSchema.parse(input);
    await desk.resume(name);
    return {};
  },
  'GET dead-letters': (desk, name, input) => page(desk, name, deadLettersQuerySchema.parse(input).after),
  'POST dead-letters/redeliver': async (desk, name, input) => {
    const { ids } = chosenDeadLettersSchema.parse(input);
    return { count: await desk.redeliver(name, { ids }), left: desk.deadCount(name) };
  },
  'POST dead-letters/discard': async (desk, name, input) => {
    const { ids } = chosenDeadLettersSchema.parse(input);
    return { count: await desk.discard(name, { ids }), left: desk.deadCount(name) };
  },
};

/** What `/v1/functions/{name}/…` asks for, with the name as it was written; undefined when it is none of these. */
export function functionRoute(
  method: string,
  path: string,
): { readonly name: string; readonly answer: Answer } | undefined {
  const [, name, action] = /^\/v1\/functions\/([^/]+)\/([a-z/-]+)$/.exec(path) ?? [];
  const key = `${method} ${action ?? ''}`;
  if (name === undefined || !Object.hasOwn(answers, key)) return undefined;
  const answer = answers[key];
  return answer && { name, answer };
}

async function page(desk: FunctionDesk, name: string, after: number): Promise<DeadLetters> {
  const { letters, next } = await desk.deadLetters(name, after);
  return {
    deadLetters: letters.map(({ id, kind, topic, contentType, payload, time, died, attempts, error }) => ({
      ...{ id, kind, topic, attempts, error },
      ...(contentType !== undefined && { contentType }),
      payload: Buffer.from(payload).toString('base64'),
      time: new Date(time).toISOString(),
      died: new Date(died).toISOString(),
    })),
    next,
  };
}
