import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';
import { ask, batchOf, deliver } from '../support/shape-events.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

describe('a module answers HTTP', () => {
  test('with what its Response says', async () => {
    await sandbox.deploy(
      'http',
      `async fetch(request, env, ctx) {
        const { method, url } = request;
        ctx.passThroughOnException();
        const seen = { method, url, type: request.headers.get('content-type'), body: await request.text(), search: new URL(url).searchParams.get('q') };
        const headers = new Headers({ 'x-seen': 'yes' });
        headers.append('set-cookie', 'a=1'); headers.append('set-cookie', 'b=2');
        return new Response(JSON.stringify(seen), { status: 201, headers });
      }`,
      { on: [{ http: '/x' }] },
    );
    const headers = { 'Content-Type': 'text/x' };
    const answer = await ask(sandbox, 'http', '/x?q=ü%20', { method: 'POST', headers, body: 'hällo' });
    expect(JSON.parse(answer.text)).toEqual({
      method: 'POST',
      url: 'http://device.local:8080/x?q=ü%20',
      type: 'text/x',
      body: 'hällo',
      search: 'ü ',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers).toEqual({
      'content-type': 'text/plain;charset=UTF-8',
      'set-cookie': ['a=1', 'b=2'],
      'x-seen': 'yes',
    });
  });

  test('with bytes, streams that go on under waitUntil, and nothing', async () => {
    await sandbox.deploy(
      'bodies',
      `fetch(request, env, ctx) {
        switch (new URL(request.url).pathname) {
          case '/bytes': return new Response(new Uint8Array([0, 255, 10]));
          case '/empty': return new Response(null, { status: 204 });
          case '/redirect': return Response.redirect('https://a.example/', 307);
          case '/stream': {
            const { readable, writable } = new TransformStream();
            const writer = writable.getWriter();
            ctx.waitUntil((async () => {
              for (const part of ['one ', 'two ', 'three']) {
                await new Promise((resolve) => setTimeout(resolve, 1));
                await writer.write(new TextEncoder().encode(part));
              }
              await writer.close();
            })());
            return new Response(readable);
          }
          case '/form': return request.formData().then((form) => new Response([...form].map(([name, value]) => name + ':' + (value.name ?? value)).join()));
        }
      }`,
    );
    expect([...(await ask(sandbox, 'bodies', '/bytes')).bytes]).toEqual([0, 255, 10]);
    expect(await ask(sandbox, 'bodies', '/empty')).toMatchObject({ status: 204, text: '' });
    expect(await ask(sandbox, 'bodies', '/redirect')).toMatchObject({
      status: 307,
      headers: { location: 'https://a.example/' },
    });
    expect((await ask(sandbox, 'bodies', '/stream')).text).toBe('one two three');
    const form = new Response(new URLSearchParams({ a: '1', b: 'x y' }));
    const headers = { 'content-type': form.headers.get('content-type')! };
    const answer = await ask(sandbox, 'bodies', '/form', {
      method: 'POST',
      headers,
      body: await form.text(),
    });
    expect(answer.text).toBe('a:1,b:x y');
  });

  test.each([
    ['nothing', '', /fetch must return a Response; it returned undefined/],
    ['an object', 'return { status: 200 };', /it returned a Object/],
    ['a read response', `const r = new Response('x'); await r.text(); return r;`, /has been read already/],
    ['an error response', 'return Response.error();', /Response\.error\(\)/],
    [
      'a stream of text',
      `return new Response(new ReadableStream({ start(c) { c.enqueue('x'); c.close(); } }));`,
      /Uint8Array/,
    ],
  ])('and is told when it returns %s', async (_what, body, message) => {
    await sandbox.deploy('wrong', `async fetch(request) { ${body} }`);
    await expect(ask(sandbox, 'wrong', '/')).rejects.toMatchObject({
      code: 'threw',
      message: expect.stringMatching(message) as never,
    });
  });

  test('whatever becomes of work under waitUntil, which is logged', async () => {
    await sandbox.deploy(
      'beside',
      `fetch(request, env, ctx) {
        ctx.waitUntil(Promise.reject(new TypeError('no network')));
        ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 5)).then(() => { throw 'later'; }));
        return env.OUT.publish('seen').then(() => new Response('fine'));
      }`,
      { bindings: { OUT: { publish: 'out' } } },
    );
    sandbox.logs.length = 0;
    expect(await ask(sandbox, 'beside', '/')).toMatchObject({ status: 200, text: 'fine' });
    expect(sandbox.effects.published.at(-1)).toMatchObject({ topic: 'out', text: 'seen' });
    expect(sandbox.logs.map(({ level, message }) => [level, message.split('\n', 1)[0]])).toEqual([
      ['error', 'Rejected under waitUntil: TypeError: no network'],
      ['error', 'Rejected under waitUntil: Error: later'],
    ]);
  });

  test('with a body that is written on beside work that fails', async () => {
    await sandbox.deploy(
      'goes-on',
      `fetch(request, env, ctx) {
        const { readable, writable } = new TransformStream();
        const writer = writable.getWriter();
        const write = async () => {
          for (const byte of [104, 105]) {
            await new Promise((resolve) => setTimeout(resolve, 30));
            await writer.write(Uint8Array.of(byte));
          }
          await writer.close();
        };
        ctx.waitUntil(write());
        ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 5)).then(() => { throw new Error('beside'); }));
        return new Response(readable);
      }`,
    );
    expect(await ask(sandbox, 'goes-on', '/')).toMatchObject({ status: 200, text: 'hi' });
  });

  test.each([
    ['', ''],
    [', before the handler has returned', 'await new Promise((resolve) => setTimeout(resolve, 20));'],
  ])('and at once with a failure when what writes the body fails%s', async (_when, wait) => {
    await sandbox.deploy(
      'half',
      `async fetch(request, env, ctx) {
        const { readable, writable } = new TransformStream(undefined, undefined, { highWaterMark: 2 });
        const writer = writable.getWriter();
        ctx.waitUntil(writer.write(new Uint8Array(3)).then(() => { throw new Error('no more'); }));
        ${wait}
        return new Response(readable);
      }`,
    );
    await expect(ask(sandbox, 'half', '/')).rejects.toMatchObject({
      code: 'threw',
      message: expect.stringContaining('Error: no more') as never,
    });
  });

  test('and not beyond its limit, nor with headers that break out of theirs', async () => {
    const limits = { result: '2KiB' };
    await sandbox.deploy(
      'large',
      `fetch: (request) => new Response('x'.repeat(Number(new URL(request.url).search.slice(1))))`,
      { limits },
    );
    expect((await ask(sandbox, 'large', '/?2048')).text).toHaveLength(2048);
    await expect(ask(sandbox, 'large', '/?2049')).rejects.toMatchObject({ code: 'resultTooLarge' });
    await sandbox.deploy(
      'endless',
      `fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1000)); } }))`,
      { limits },
    );
    await expect(ask(sandbox, 'endless', '/')).rejects.toMatchObject({ code: 'resultTooLarge' });
    await sandbox.deploy(
      'split',
      `fetch() {
        Object.defineProperty(Array.prototype, 'toJSON', { value: () => undefined, configurable: true });
        Object.defineProperty(Object.prototype, 'toJSON', { value() { delete Object.prototype.toJSON; delete Array.prototype.toJSON;
          return { status: 200, headers: [['x', 'a\\r\\nset-cookie: b']] }; }, configurable: true });
        return new Response('');
      }`,
    );
    await expect(ask(sandbox, 'split', '/')).rejects.toMatchObject({
      code: 'threw',
      message: expect.stringContaining('HTTP cannot carry') as never,
    });
  });

  test('as a class whose methods find their fields', async () => {
    await sandbox.deploy(
      'instance',
      `class App { #name = 'app'; fetch() { return new Response(this.#name); } invoke(n) { return this.#name + n; } }
       export default new App();`,
    );
    expect((await ask(sandbox, 'instance', '/')).text).toBe('app');
    expect(await sandbox.invoke('instance', 1)).toBe('app1');
  });
});

describe('a module takes a batch of a queue', () => {
  const run = async (body: string, event = batchOf({ body: '1' }, { body: '2' }, { body: '3' })) => {
    await sandbox.deploy(
      'batch',
      `async queue(batch, env, ctx) { const [a, b, c] = batch.messages; ${body} }`,
    );
    return (await deliver(sandbox, 'batch', event)).queue;
  };

  test('with ids, times, attempts and bodies by their content type', async () => {
    await sandbox.deploy(
      'seen',
      `queue(batch) { console.log(JSON.stringify([batch.queue, batch.messages.map(({ id, timestamp, attempts, body }) =>
        [id, timestamp, attempts, body instanceof ArrayBuffer ? [...new Uint8Array(body)] : body])])); }`,
    );
    sandbox.logs.length = 0;
    await deliver(
      sandbox,
      'seen',
      batchOf(
        { body: '{"a":1}', contentType: 'application/json', attempts: 3 },
        { body: 'ü', contentType: 'text/plain' },
        { body: new Uint8Array([1, 2]) },
      ),
    );
    const time = '2026-01-02T03:04:05.678Z';
    expect(JSON.parse(sandbox.logs[0]!.message)).toEqual([
      'orders',
      [
        ['0', time, 3, { a: 1 }],
        ['1', time, 1, 'ü'],
        ['2', time, 1, [1, 2]],
      ],
    ]);
  });

  test.each<[string, string, unknown[]]>([
    ['success acknowledges what nobody spoke of', '', []],
    ['one is retried', 'b.retry();', [{ id: '1' }]],
    ['one is retried later', 'b.retry({ delaySeconds: 1.5 });', [{ id: '1', delayMs: 1500 }]],
    [
      'all are retried',
      'batch.retryAll({ delaySeconds: 2 });',
      ['0', '1', '2'].map((id) => ({ id, delayMs: 2000 })),
    ],
    ['an acknowledged one is not retried with all', 'a.ack(); batch.retryAll();', [{ id: '1' }, { id: '2' }]],
    ['a retried one is not acknowledged with all', 'c.retry(); batch.ackAll();', [{ id: '2' }]],
    ['the first word about one counts', 'a.ack(); a.retry(); b.retry(); b.ack();', [{ id: '1' }]],
    ['the first word about all counts', 'batch.ackAll(); batch.retryAll();', []],
    ['after ackAll nothing is retried', 'batch.ackAll(); a.retry();', []],
    [
      'the last delay counts',
      'a.retry({ delaySeconds: 5 }); a.retry({ delaySeconds: 9 }); batch.retryAll(); batch.retryAll({ delaySeconds: 2 });',
      [
        { id: '0', delayMs: 9000 },
        { id: '1', delayMs: 2000 },
        { id: '2', delayMs: 2000 },
      ],
    ],
    ['options may be null', 'a.retry(null);', [{ id: '0' }]],
    [
      'what work under waitUntil says counts too',
      `ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 5)).then(() => { b.retry({ delaySeconds: 1 }); }));`,
      [{ id: '1', delayMs: 1000 }],
    ],
    [
      'a delay of its own after retryAll',
      'batch.retryAll(); a.ack(); b.retry({ delaySeconds: 9 });',
      [{ id: '0' }, { id: '1', delayMs: 9000 }, { id: '2' }],
    ],
  ])('%s', async (_what, body, retry) => {
    expect(await run(body)).toEqual({ retry });
  });

  test('what it returns does not matter, what it throws does', async () => {
    expect(await run('return 10n;')).toEqual({ retry: [] });
    await expect(run('a.ack(); throw new Error("no");')).rejects.toMatchObject({ code: 'threw' });
    await expect(run('a.retry({ delaySeconds: -1 });')).rejects.toMatchObject({ code: 'threw' });
  });

  test('a body that is no JSON hurts only who reads it', async () => {
    const event = batchOf(
      { body: '{', contentType: 'application/json' },
      { body: '2', contentType: 'application/json' },
    );
    const body = 'for (const message of batch.messages) { try { message.body; } catch { message.retry(); } }';
    expect(await run(body, event)).toEqual({ retry: [{ id: '0' }] });
  });
});

describe('a module takes', () => {
  test('a schedule', async () => {
    await sandbox.deploy(
      'cron',
      `scheduled({ cron, scheduledTime, type, noRetry }) { return [cron, scheduledTime, type, typeof noRetry]; }`,
    );
    const event = { kind: 'scheduled', cron: '* * * * *', scheduledTime: '2026-01-02T03:04:00Z' } as const;
    const { value } = await deliver(sandbox, 'cron', event);
    expect(value).toEqual(['* * * * *', Date.parse('2026-01-02T03:04:00Z'), 'scheduled', 'function']);
  });

  test('no event whose work under waitUntil failed', async () => {
    await sandbox.deploy(
      'unfinished',
      `message(event, env, ctx) { ctx.waitUntil(Promise.reject(new Error('no'))); }`,
    );
    const event = {
      kind: 'message',
      topic: 'a',
      payload: Buffer.from('1'),
      time: '2026-01-02T03:04:05Z',
    } as const;
    await expect(deliver(sandbox, 'unfinished', { ...event, contentType: undefined })).rejects.toMatchObject({
      code: 'threw',
    });
  });

  test('a file of a volume', async () => {
    await sandbox.deploy('file', `file(event) { return event; }`, { on: [{ volume: 'inbox' }] });
    const event = {
      kind: 'file',
      volume: 'inbox',
      path: 'a/b.csv',
      change: 'created',
      size: 3,
      time: '2026-01-02T03:04:05Z',
    } as const;
    const { kind: type, ...rest } = event;
    expect((await deliver(sandbox, 'file', event)).value).toEqual({ type, ...rest });
  });

  test.each([
    [{ mqtt: 'a/#' }, 'message', 'mqtt: a/#'],
    [{ cron: '* * * * *' }, 'scheduled', 'cron: * * * * *'],
    [{ http: '/x' }, 'fetch', 'http: /x'],
    [{ queue: 'orders' }, 'queue', 'queue: orders'],
    [{ volume: 'inbox' }, 'file', 'volume: inbox'],
  ])('no trigger %j without its handler', async (trigger, handler, written) => {
    const deploying = sandbox.deploy('missing', 'invoke() {}', { on: [trigger] });
    await expect(deploying).rejects.toMatchObject({
      code: 'noHandler',
      message: `Function missing has the trigger ${written}, but its bundle has no ${handler} handler; it has invoke`,
    });
  });

  test('an event for which it has no handler as an error', async () => {
    await sandbox.deploy('only', 'invoke() {}');
    await expect(ask(sandbox, 'only', '/')).rejects.toMatchObject({ code: 'noHandler' });
  });
});

test('an invocation ends whatever was done to JSON', async () => {
  const bend = `Object.defineProperty(Object.prototype, 'toJSON', { value: () => ({ a: {} }) });`;
  await sandbox.deploy(
    'bent',
    `fetch() { ${bend} return new Response(''); }, invoke() { ${bend} return {}; }`,
  );
  await expect(ask(sandbox, 'bent', '/')).rejects.toMatchObject({ code: 'threw' });
  await expect(sandbox.invoke('bent')).rejects.toMatchObject({ code: 'threw' });
});

describe('a result that JSON cannot carry', () => {
  test.each([
    ['a function', 'return () => 1;', /The handler invoke returned a function/],
    ['a symbol', 'return Symbol("x");', /returned a symbol/],
    ['a BigInt', 'return { n: 1n };', /The handler invoke returned what JSON cannot carry: .*BigInt/],
    ['a cycle', 'const a = {}; a.a = a; return a;', /circular/],
  ])('names the handler: %s', async (_what, body, message) => {
    await sandbox.deploy('bad', `async invoke() { ${body} }`);
    const error = await sandbox.invoke('bad').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'threw', message: expect.stringMatching(message) as never });
  });

  test('keeps the author’s own error from toJSON', async () => {
    await sandbox.deploy('own', `invoke() { return { toJSON() { throw new TypeError('mine'); } }; }`);
    const error = await sandbox.invoke('own').catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      message: 'Function own failed: TypeError: mine',
      tenantStack: expect.stringContaining('function.js:1') as never,
    });
  });
});
