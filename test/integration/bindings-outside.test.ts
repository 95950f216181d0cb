import { expect, jest, test } from '@jest/globals';
import { openBoundDevice } from '../support/bound-device.ts';
import { eventually } from '../support/data-plane.ts';
import { echo, serve } from '../support/outside.ts';

jest.setTimeout(120_000);

const asking = (origins: readonly string[]) => ({
  code: `
    async invoke({ url, init, by }, env) {
      try {
        const response = await (by === 'binding' ? env.API.fetch(url, init) : fetch(url, init));
        return { status: response.status, redirected: response.redirected, body: await response.text() };
      } catch (error) {
        return { name: error.name, code: error.code, message: error.message };
      }
    },
    async scheduled() {},`,
  bindings: { API: { fetch: origins } },
  limits: { egress: '100kB' },
});

test('a function fetches what it is granted, by its binding and by the global fetch', async () => {
  await using server = await serve(echo);
  await using device = await openBoundDevice({ asking: asking([server.origin]) });
  for (const by of ['binding', 'global']) {
    const init = { method: 'POST', body: 'hi', headers: { 'x-a': 'b' } };
    const answer = (await device.invoke('asking', { url: `${server.origin}/p`, init, by })) as {
      body: string;
    };
    expect(answer).toMatchObject({ status: 200, redirected: false });
    expect(JSON.parse(answer.body)).toMatchObject({
      method: 'POST',
      url: '/p',
      body: 'hi',
      headers: { 'x-a': 'b' },
    });
  }
  expect(device.plane.status().functions.asking?.denials).toBe(0);
});

test('what is not granted is denied, logged and counted, directly and by a redirect', async () => {
  await using secret = await serve(echo);
  await using server = await serve((_, response) => {
    response.writeHead(302, { location: secret.origin }).end();
  });
  await using device = await openBoundDevice({ asking: asking([server.origin]) });
  for (const url of [secret.origin, server.origin, 'http://169.254.169.254/latest/meta-data'])
    expect(await device.invoke('asking', { url, by: 'global' })).toMatchObject({
      name: 'TypeError',
      code: 'denied',
    });
  expect(device.plane.status().functions.asking?.denials).toBe(3);
  const logged = device.events.filter(({ event }) => event === 'function.binding.denied');
  expect(logged.map((entry) => entry.function)).toEqual(['asking', 'asking', 'asking']);
});

test('a server that is not there is an error that a function may catch; its effects are kept', async () => {
  const gone = await serve(echo);
  await gone[Symbol.asyncDispose]();
  const careful = {
    code: `async invoke(url, env) {
      try { await fetch(url); } catch (error) { await env.KV.put('caught', error.name); }
      return env.KV.get('caught');
    }`,
    bindings: { API: { fetch: [gone.origin] }, KV: { kv: 'kept' } },
  };
  await using device = await openBoundDevice({ careful });
  expect(await device.invoke('careful', gone.origin)).toBe('TypeError');
  expect(await device.invoke('careful', gone.origin)).toBe('TypeError');
});

test('an invocation sends no more than limits.egress, and a fetch that never ends ends with it', async () => {
  const left = Promise.withResolvers<undefined>();
  await using server = await serve((request, response) => {
    if (request.url === '/again') response.writeHead(307, { location: '/again' }).end();
    else if (request.url === '/never') response.once('close', () => left.resolve(undefined));
    else echo(request, response);
  });
  // As long as a busy machine may need until the request is there.
  const slow = { ...asking([server.origin]), limits: { timeout: '2s' } };
  await using device = await openBoundDevice({ asking: asking([server.origin]), slow });
  const init = { method: 'POST', body: 'x'.repeat(120_000) };
  expect(await device.invoke('asking', { url: server.origin, init, by: 'global' })).toMatchObject({
    message: expect.stringContaining('limits.egress'),
  });
  const again = { method: 'POST', body: 'x'.repeat(30_000) };
  expect(
    await device.invoke('asking', { url: `${server.origin}/again`, init: again, by: 'global' }),
  ).toMatchObject({ message: expect.stringContaining('limits.egress') });
  await expect(device.invoke('slow', { url: `${server.origin}/never` })).rejects.toMatchObject({
    code: 'timeout',
  });
  await left.promise;
});

test('fetches of one invocation run beside each other, at most six at a time', async () => {
  let open = 0;
  let most = 0;
  const six = Promise.withResolvers<undefined>();
  await using server = await serve((_, response) => {
    most = Math.max(most, ++open);
    if (open === 6) six.resolve(undefined);
    void six.promise.then(() => {
      open--;
      response.end('ok');
    });
  });
  const many = {
    code: `async invoke(url) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url).then((r) => r.text())));
      return answers.join('');
    }`,
    bindings: { API: { fetch: [server.origin] } },
  };
  await using device = await openBoundDevice({ many });
  expect(await device.invoke('many', server.origin)).toBe('ok'.repeat(20));
  expect(most).toBe(6);
});

const store = { KV: { kv: 'shared' } };
const reader = {
  code: 'async invoke(key, env) { return (await env.KV.get(key)) ?? null; }',
  bindings: store,
};

test('a function calls another, which commits on its own even when the caller fails', async () => {
  const callee = {
    code: `
      async invoke(payload, env) { await env.KV.put('callee', payload); return { got: payload }; },
      async fetch(request) { return new Response(await request.text() + '!', { status: 202 }); },`,
    bindings: store,
  };
  const caller = {
    code: `async invoke(payload, env) {
      await env.KV.put('caller', payload);
      const { got } = await env.NEXT.invoke(payload);
      const response = await env.NEXT.fetch('http://callee/', { method: 'POST', body: 'hello' });
      if (payload === 'fail') throw new Error('after all');
      return [got, response.status, await response.text()];
    }`,
    bindings: { ...store, NEXT: { invoke: 'callee' } },
  };
  await using device = await openBoundDevice({ caller, callee, reader });
  expect(await device.invoke('caller', 'fine')).toEqual(['fine', 202, 'hello!']);
  await expect(device.invoke('caller', 'fail')).rejects.toMatchObject({ code: 'threw' });
  expect(await device.invoke('reader', 'callee')).toBe('fail');
  expect(await device.invoke('reader', 'caller')).toBe('fine');
});

test('functions that call each other in a circle are ended after eight, and told why', async () => {
  const code = `async invoke(n, env) {
    try { return await env.NEXT.invoke(n + 1); } catch (error) { return [n, error.code]; }
  }`;
  await using device = await openBoundDevice({
    ping: { code, bindings: { NEXT: { invoke: 'pong' } }, limits: { concurrency: 10 } },
    pong: { code, bindings: { NEXT: { invoke: 'ping' } }, limits: { concurrency: 10 } },
  });
  expect(await device.invoke('ping', 0)).toEqual([8, 'tooDeep']);
});

test('what goes wrong in the other function is an error that the caller may catch', async () => {
  const broken = { code: "async invoke() { throw new Error('out of order'); }" };
  const caller = {
    code: `async invoke(payload, env) {
      try { await env.NEXT.invoke(); } catch (error) { return { code: error.code, message: error.message }; }
    }`,
    bindings: { NEXT: { invoke: 'broken' } },
  };
  await using device = await openBoundDevice({ caller, broken });
  expect(await device.invoke('caller')).toEqual({
    code: 'callFailed',
    message: expect.stringContaining('out of order'),
  });
});

test('a call of another function ends with its caller', async () => {
  const endless = { code: 'invoke() { return new Promise(() => {}); }' };
  const caller = {
    code: 'async invoke(payload, env) { return env.NEXT.invoke(); }',
    bindings: { NEXT: { invoke: 'endless' } },
    limits: { timeout: '500ms' },
  };
  await using device = await openBoundDevice({ caller, endless });
  await expect(device.invoke('caller')).rejects.toMatchObject({ code: 'timeout' });
  await eventually(() => device.plane.status().functions.endless?.inFlight === 0);
});
