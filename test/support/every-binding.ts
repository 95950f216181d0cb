import type {
  Fetcher,
  FunctionModule,
  Invoker,
  KeyValue,
  Publisher,
  QueueSender,
  Shadow,
  ShadowError,
} from '../../functions/sdk/index.ts';

type Env = {
  readonly OUT: Publisher;
  readonly STORE: KeyValue;
  readonly API: Fetcher;
  readonly KEY: string;
  readonly JOBS: QueueSender;
  readonly OTHER: Invoker;
  readonly LAMP: Shadow;
};

/** A function with a handler of each kind, which together use a binding of each kind. */
export default {
  async message(event, env) {
    const value = event.json() as { id: string };
    await env.STORE.put(value.id, { topic: event.topic, value }, { ttl: 60 });
    await env.OUT.publish(value, { topic: `out/${value.id}` });
    if (value.id === 'bad') throw new RangeError(`${value.id} is out of range`);
  },

  async scheduled(controller, env) {
    await env.JOBS.send({ cron: controller.cron, at: controller.scheduledTime }, { delaySeconds: 5 });
  },

  queue(batch) {
    for (const message of batch.messages) {
      if (message.body === 'again') message.retry({ delaySeconds: 3 });
    }
  },

  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const answer = await env.API.fetch(`https://api.example${pathname}`, {
      method: 'POST',
      headers: { authorization: env.KEY },
      body: await request.text(),
    });
    ctx.waitUntil(env.STORE.put('last', pathname));
    const headers = new Headers({ 'x-api': String(answer.status) });
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    return new Response(await answer.text(), { status: 203, headers });
  },

  async file(event, env) {
    await env.STORE.put(event.path, event.change);
  },

  async invoke(payload, env) {
    if (payload === 'denied') return env.API.fetch('https://elsewhere.example/');
    if (payload === 'cas') {
      const before = await env.STORE.get('n');
      return env.STORE.put('n', Number(before ?? 0) + 1, { expected: before ?? null });
    }
    if (payload === 'unserialisable') return 1n;
    if (payload === 'shadow') return settle(env.LAMP);
    return { other: await env.OTHER.invoke(payload), keys: await env.STORE.list() };
  },
} satisfies FunctionModule<Env>;

/** Reports what is desired. */
async function settle(shadow: Shadow) {
  const before = await shadow.get();
  const { state, version } = await shadow.update({ reported: before?.state.delta ?? {} });
  const refused = await shadow
    .update({ reported: {} }, { version: 0 })
    .catch((error: unknown) => (error as ShadowError).code);
  return { before: before?.version ?? null, state, version, refused };
}
