import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { FunctionError } from '../../functions/function-error.ts';
import type { InvocationEvent, OutsideEffects } from '../../functions/index.ts';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';
import { deliver } from '../support/shape-events.ts';

type Outbound = Parameters<OutsideEffects['fetch']>[0];

/** An outside that answers every granted address with what was asked of it, and the other function with its event. */
class EchoOutside implements OutsideEffects {
  readonly requests: Outbound[] = [];
  readonly invoked: { readonly name: string; readonly event: InvocationEvent; readonly depth: number }[] = [];
  readonly aborted: unknown[] = [];

  async fetch(request: Outbound, { signal }: { readonly signal: AbortSignal }) {
    this.requests.push(request);
    const { pathname } = new URL(request.url);
    if (pathname === '/denied') throw new FunctionError('denied', 'the address 10.0.0.1 is private');
    if (pathname === '/broken') throw new Error('connection refused');
    if (pathname === '/never')
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          this.aborted.push(request.url);
          reject(signal.reason as Error);
        });
      });
    return {
      status: pathname === '/empty' ? 204 : 203,
      headers: [
        ['content-type', 'application/json'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ] as const,
      body: pathname === '/empty' ? new Uint8Array(0) : (request.body ?? Buffer.from('{"echo":true}')),
      url: `${request.url}#final`,
      redirected: true,
    };
  }

  secret(name: string): Promise<string | undefined> {
    return Promise.resolve(`${name}: ü"\n`);
  }

  invoke(name: string, event: InvocationEvent, { depth }: { readonly depth: number }) {
    this.invoked.push({ name, event, depth });
    const value = event.kind === 'invoke' ? { got: event.payload } : undefined;
    const response =
      event.kind === 'fetch'
        ? { status: 200, headers: [['x-from', name]] as const, body: event.body }
        : undefined;
    return Promise.resolve({ value, response, cpuMs: 0, egressBytes: 0, wallMs: 0, coldStart: false });
  }
}

let sandbox: Sandbox;
const outside = new EchoOutside();

beforeAll(async () => {
  sandbox = await openSandbox({ outside });
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});
beforeEach(() => {
  for (const list of [outside.requests, outside.invoked, sandbox.effects.sent, sandbox.effects.published])
    list.length = 0;
});

const bindings = {
  API: { fetch: ['https://api.example', 'http://10.1.2.3:8080'] },
  OTHER_API: { fetch: ['https://other.example'] },
  KEY: { secret: 'weather-key' },
  JOBS: { queue: 'jobs' },
  OTHER: { invoke: 'other' },
  CACHE: { kv: 'cache' },
  OUT: { publish: 'out/#' },
};

async function inside(body: string, limits = {}): Promise<unknown> {
  await sandbox.deploy('inside', `async invoke(payload, env, ctx) { ${body} }`, { bindings, limits });
  return sandbox.invoke('inside');
}

test('env has exactly the declared names, and holds fast', async () => {
  const body = `const bend = (work) => { try { work(); return 'bent'; } catch { return 'held'; } };
    return [Object.keys(env).sort(), typeof env.KEY, bend(() => { env.NEW = 1; }), bend(() => { env.JOBS.send = 1; }), { ...env }.KEY === env.KEY, globalThis.env];`;
  expect(await inside(body)).toEqual([Object.keys(bindings).sort(), 'string', 'held', 'held', true, null]);
});

describe('secrets', () => {
  test('are strings in env, and in process.env, also while the module loads', async () => {
    const code = `const early = process.env.KEY; export default { invoke(payload, env) { return [env.KEY, early, Object.keys(process.env), Object.keys(process)]; } };`;
    await sandbox.deploy('secret', code, { bindings });
    const value = 'weather-key: ü"\n';
    expect(await sandbox.invoke('secret')).toEqual([value, value, ['KEY'], ['env']]);
  });
});

describe('fetch', () => {
  test('sends what the request says, by its binding or by all grants of the function', async () => {
    const body = `
      const one = await env.API.fetch('https://api.example/a?b=c#d', { method: 'POST', body: 'ü', headers: { 'X-A': 'b' }, redirect: 'manual' });
      const two = await fetch(new Request('http://10.1.2.3:8080/x', { method: 'PUT', body: new Uint8Array([1]) }));
      const three = await (await fetch('https://other.example')).json();
      return [one.status, one.url, one.redirected, one.headers.getSetCookie(), await one.text(), [...await two.bytes()], three];`;
    expect(await inside(body)).toEqual([
      ...[203, 'https://api.example/a?b=c#final', true, ['a=1', 'b=2'], 'ü', [1]],
      { echo: true },
    ]);
    const [first, second, third] = outside.requests;
    expect(first).toMatchObject({
      method: 'POST',
      url: 'https://api.example/a?b=c',
      headers: [
        ['content-type', 'text/plain;charset=UTF-8'],
        ['x-a', 'b'],
      ],
      redirect: 'manual',
      origins: ['https://api.example', 'http://10.1.2.3:8080'],
    });
    expect(second).toMatchObject({ method: 'PUT', url: 'http://10.1.2.3:8080/x' });
    expect(third).toMatchObject({ method: 'GET', body: undefined });
    expect(third!.origins).toHaveLength(3);
  });

  test.each([
    ['of another binding', `env.API.fetch('https://other.example')`],
    ['of nobody', `fetch('https://evil.example')`],
    ['that turns out private', `fetch('https://api.example/denied')`],
  ])('of an address %s is a TypeError with the code denied', async (_what, call) => {
    const body = `try { await ${call}; } catch (error) { return [error instanceof TypeError, error.code]; }`;
    expect(await inside(body)).toEqual([true, 'denied']);
    await expect(inside(`await ${call};`)).rejects.toMatchObject({ code: 'denied' });
  });

  test('that fails is a TypeError, and the function may go on', async () => {
    const body = `try { await fetch('https://api.example/broken'); } catch (error) { return [error.name, error.message]; }`;
    expect(await inside(body)).toEqual(['TypeError', expect.stringContaining('connection refused')]);
  });

  test('with a body that is too large is refused before it is sent', async () => {
    const body = `return fetch('https://api.example', { method: 'POST', body: new Uint8Array(4 * 2 ** 20 + 1) }).catch((error) => error.message);`;
    expect(await inside(body)).toMatch(/larger than 4194304 bytes/);
    expect(outside.requests).toEqual([]);
  });

  test('rejects when its signal aborts, and ends with the invocation', async () => {
    const body = `
      const { signal } = Object.assign(new AbortController(), {});
      return fetch('https://api.example/never', { signal: AbortSignal.timeout(5) }).catch((error) => [error.name, error instanceof DOMException]);`;
    expect(await inside(body)).toEqual(['TimeoutError', true]);
    expect(outside.aborted).toEqual(['https://api.example/never']);
  });

  test('gives responses without a body their null', async () => {
    expect(
      await inside(
        `const r = await fetch('https://api.example/empty'); return [r.status, r.body, await r.text()];`,
      ),
    ).toEqual([204, null, '']);
  });
});

describe('a queue', () => {
  test('takes values, text and bytes, by the words of Workers or by media types', async () => {
    await inside(`
      await env.JOBS.send({ a: 1 });
      await env.JOBS.send('text', { delaySeconds: 2.5 });
      await env.JOBS.send('text', { contentType: 'text' });
      await env.JOBS.send(new Uint8Array([65]), { contentType: 'bytes' });
      await env.JOBS.send('<a/>', { contentType: 'text/xml' });
      await env.JOBS.sendBatch([{ body: 1 }, { body: 'b', contentType: 'text', delaySeconds: 1 }], { delaySeconds: 9 });
      await env.JOBS.sendBatch([]);`);
    expect(sandbox.effects.sent).toEqual([
      { queue: 'jobs', text: '{"a":1}', delayMs: 0 },
      { queue: 'jobs', text: '"text"', delayMs: 2500 },
      { queue: 'jobs', text: 'text', delayMs: 0 },
      { queue: 'jobs', text: 'A', delayMs: 0 },
      { queue: 'jobs', text: '<a/>', delayMs: 0 },
      { queue: 'jobs', text: '1', delayMs: 9000 },
      { queue: 'jobs', text: 'b', delayMs: 1000 },
    ]);
  });

  test.each([
    ['undefined', 'env.JOBS.send(undefined)'],
    ['v8', `env.JOBS.send(1, { contentType: 'v8' })`],
    ['text that is none', `env.JOBS.send(1, { contentType: 'text' })`],
    ['bytes that are none', `env.JOBS.send(1, { contentType: 'bytes' })`],
    ['too many', `env.JOBS.sendBatch(Array.from({ length: 101 }, () => ({ body: 1 })))`],
  ])('refuses %s', async (_what, call) => {
    expect(await inside(`return ${call}.catch((error) => error.name);`)).toBe('TypeError');
    expect(sandbox.effects.sent).toEqual([]);
  });
});

describe('another function', () => {
  test('is invoked with JSON, or asked as a service', async () => {
    const body = `
      const value = await env.OTHER.invoke({ n: [1] });
      const none = await env.OTHER.invoke();
      const response = await env.OTHER.fetch('http://other/x', { method: 'POST', body: 'hi' });
      return [value, none, response.status, response.headers.get('x-from'), await response.text()];`;
    expect(await inside(body)).toEqual([{ got: { n: [1] } }, {}, 200, 'other', 'hi']);
    expect(outside.invoked.map(({ name, event, depth }) => [name, event.kind, depth])).toEqual([
      ['other', 'invoke', 1],
      ['other', 'invoke', 1],
      ['other', 'fetch', 1],
    ]);
  });
});

describe('a key-value store', () => {
  test('gives back what was put, in our form and in that of Workers', async () => {
    const body = `
      await env.CACHE.put('object', { a: 1 }); await env.CACHE.put('string', 'plain'); await env.CACHE.put('json', '{"a":2}'); await env.CACHE.put('bytes', new Uint8Array([123, 125]));
      const get = (...args) => env.CACHE.get(...args);
      return [
        [await get('object'), await get('string'), await get('gone') === undefined, await get('gone', { as: 'text' }) === undefined],
        [await get('object', { as: 'text' }), await get('string', { as: 'text' }), [...await get('bytes', { as: 'bytes' })]],
        [await get('object', 'json'), await get('json', { type: 'json' }), await get('string', 'text'), await get('object', 'text')],
        [await get('gone', 'json'), await get('gone', { type: 'text' }), (await get('bytes', 'arrayBuffer')).byteLength, await get('bytes', 'json')],
        await get('string', 'stream').catch((error) => error.name),
      ];`;
    expect(await inside(body)).toEqual([
      [{ a: 1 }, 'plain', true, true],
      ['{"a":1}', '"plain"', [123, 125]],
      [{ a: 1 }, { a: 2 }, 'plain', '{"a":1}'],
      [null, null, 2, {}],
      'TypeError',
    ]);
  });

  test('is put to with a time to live and an expected value', async () => {
    const puts: unknown[] = [];
    const effects = Object.assign(Object.create(sandbox.effects) as typeof sandbox.effects, {
      kvPut: (...[store, key, value, options]: Parameters<typeof sandbox.effects.kvPut> | never[]) => {
        puts.push([store, key, Buffer.from(value).toString(), options]);
        return key !== 'taken';
      },
    });
    await sandbox.deploy(
      'inside',
      `async invoke(payload, { CACHE }) {
        return [await CACHE.put('a', 1, { ttl: 60 }), await CACHE.put('b', 1, { expirationTtl: 60 }), await CACHE.put('c', 1, { expiration: 4102444800 }),
          await CACHE.put('d', { n: 2 }, { expected: { n: 1 } }), await CACHE.put('taken', 2, { expected: null })];
      }`,
      { bindings },
    );
    const before = Date.now();
    const { signal } = new AbortController();
    const event = { kind: 'invoke', payload: undefined } as const;
    const { value } = await sandbox.runtime.invoke('inside', event, effects, { signal });
    expect(value).toEqual([null, null, null, true, false]);
    const [a, b, c, d, taken] = puts as [
      string,
      string,
      string,
      { expiresAt?: number; expected?: Uint8Array | null },
    ][];
    for (const [, , , { expiresAt = 0 }] of [a!, b!]) {
      expect(expiresAt).toBeGreaterThanOrEqual(before + 60_000);
      expect(expiresAt).toBeLessThanOrEqual(Date.now() + 60_000);
    }
    expect(c![3].expiresAt).toBe(4_102_444_800_000);
    expect([d![2], Buffer.from(d![3].expected!).toString()]).toEqual(['{"n":2}', '{"n":1}']);
    expect([taken![2], taken![3].expected]).toEqual(['2', null]);
  });
});

test('a schedule that asks for no other attempt says so when it fails', async () => {
  const event = { kind: 'scheduled', cron: '* * * * *', scheduledTime: '2026-01-02T03:04:00Z' } as const;
  await sandbox.deploy('once', 'scheduled(controller) { controller.noRetry(); throw new Error("no"); }');
  await expect(deliver(sandbox, 'once', event)).rejects.toMatchObject({ code: 'threw', noRetry: true });
  await sandbox.deploy('again', 'scheduled() { throw new Error("no"); }');
  await expect(deliver(sandbox, 'again', event)).rejects.toMatchObject({ code: 'threw', noRetry: false });
});
