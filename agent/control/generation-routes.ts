import type { GenerationDesk } from '../reconcile/generation-desk.ts';
import { activateGenerationSchema, pinRequestSchema } from './generation-protocol.ts';

/** What may be seen of generations and done with them. */
export type GenerationsDesk = Pick<GenerationDesk, 'list' | 'activate' | 'pin' | 'unpin'>;

type Answer = (desk: GenerationsDesk, input: unknown) => object | Promise<object>;

const answers: Readonly<Record<string, Answer>> = {
  'GET /v1/generations': (desk) => ({ generations: desk.list() }),
  'POST /v1/generations/activate': (desk, input) =>
    desk.activate(activateGenerationSchema.parse(input).generation),
  'POST /v1/generations/pin': async (desk, input) => ({
    pinned: await desk.pin(pinRequestSchema.parse(input).generation),
  }),
  'POST /v1/generations/unpin': async (desk, input) => ({
    pinned: await desk.unpin(pinRequestSchema.parse(input).generation),
  }),
};

/** What `/v1/generations…` asks for; undefined when it is none of these. `input` reads the body. */
export function generationRoute(
  desk: GenerationsDesk,
  { method, path }: { readonly method: string; readonly path: string },
  { input }: { readonly input: () => Promise<unknown> },
): (() => Promise<object>) | undefined {
  const key = `${method} ${path}`;
  const answer = Object.hasOwn(answers, key) ? answers[key] : undefined;
  return answer && (async () => answer(desk, method === 'POST' ? await input() : {}));
}
