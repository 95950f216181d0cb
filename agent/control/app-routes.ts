import type { AppSupervisor } from '../apps/supervise/app-supervisor.ts';
import { appRequestSchema, lockRequestSchema } from './app-protocol.ts';

/** What an operator may do with apps. */
export type AppDesk = Pick<AppSupervisor, 'start' | 'stop' | 'restart' | 'lock' | 'unlock' | 'locks'>;

type Answer = () => Promise<object>;
type Asked = { readonly desk: AppDesk; readonly name: string; readonly input: unknown };

const answers: Readonly<Record<string, (asked: Asked) => Promise<void>>> = {
  start: ({ desk, name, input }) => plain(input, () => desk.start(name)),
  stop: ({ desk, name, input }) => plain(input, () => desk.stop(name)),
  restart: ({ desk, name, input }) => plain(input, () => desk.restart(name)),
  unlock: ({ desk, name, input }) => plain(input, () => desk.unlock(name)),
  lock: ({ desk, name, input }) => desk.lock(name, lockRequestSchema.parse(input)),
};

/** What `/v1/apps/…` asks for; undefined when it is none of these. `input` reads the body. */
export function appRoute(
  desk: AppDesk,
  { method, path }: { readonly method: string; readonly path: string },
  { decode, input }: { decode: (text: string) => string; input: () => Promise<unknown> },
): Answer | undefined {
  if (method === 'GET' && path === '/v1/apps/locks') return async () => ({ locks: await desk.locks() });
  const [, name = '', action = ''] = /^\/v1\/apps\/([^/]{1,200})\/([a-z]+)$/.exec(path) ?? [];
  const answer = Object.hasOwn(answers, action) ? answers[action] : undefined;
  if (!answer || method !== 'POST') return undefined;
  return async () => {
    await answer({ desk, name: decode(name), input: await input() });
    return {};
  };
}

async function plain(input: unknown, work: () => Promise<void>): Promise<void> {
  appRequestSchema.parse(input);
  await work();
}
