import { describe, expect, test } from '@jest/globals';
import type { OutboundRequest } from '../../runtime/ports.ts';
import { memoryOutside } from './memory-outside.ts';

const { signal } = new AbortController();
const request = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'GET',
  url,
  headers: [['x-test', '1']],
  body: undefined,
  redirect: 'follow',
  origins: ['https://api.example'],
  maxResponseBytes: 1024,
  ...more,
});

describe('memoryOutside', () => {
  test('gives the request to the fetch of the test and its response back', async () => {
    const seen: string[] = [];
    const outside = memoryOutside({
      fetch: async (incoming) => {
        seen.push(incoming.method, incoming.url, incoming.headers.get('x-test') ?? '', await incoming.text());
        return Response.json({ ok: true }, { status: 201 });
      },
    });
    const answer = await outside.fetch(
      request('https://api.example/a', { method: 'POST', body: Buffer.from('b') }),
      {
        signal,
      },
    );
    expect(seen).toEqual(['POST', 'https://api.example/a', '1', 'b']);
    expect(answer).toMatchObject({ status: 201, url: 'https://api.example/a', redirected: false });
    expect(Buffer.from(answer.body).toString()).toBe('{"ok":true}');
  });

  test('follows redirects within the grant, and none out of it', async () => {
    const outside = memoryOutside({
      fetch: ({ url, method }) =>
        url.endsWith('/in')
          ? new Response(null, { status: 303, headers: { location: '/end' } })
          : url.endsWith('/out')
            ? new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } })
            : new Response(method),
    });
    const body = Buffer.from('b');
    const inside = await outside.fetch(request('https://api.example/in', { method: 'POST', body }), {
      signal,
    });
    expect(inside).toMatchObject({
      url: 'https://api.example/end',
      redirected: true,
      body: new Uint8Array(Buffer.from('GET')),
    });
    await expect(outside.fetch(request('https://api.example/out'), { signal })).rejects.toMatchObject({
      code: 'denied',
    });
    const manual = request('https://api.example/out', { redirect: 'manual' });
    expect(await outside.fetch(manual, { signal })).toMatchObject({ status: 302, redirected: false });
  });

  test('denies an origin that is not granted, and every fetch when the test answers none', async () => {
    const outside = memoryOutside({});
    await expect(outside.fetch(request('https://elsewhere.example/'), { signal })).rejects.toMatchObject({
      code: 'denied',
    });
    await expect(outside.fetch(request('https://api.example/'), { signal })).rejects.toMatchObject({
      code: 'denied',
      hint: expect.stringContaining('fetch: (request)'),
    });
  });

  test('calls the function that the test gives, with a payload or a request', async () => {
    const outside = memoryOutside({
      functions: {
        double: (n) => Number(n) * 2,
        site: (incoming) => new Response((incoming as Request).url, { status: 202 }),
      },
    });
    const options = { depth: 1, signal };
    expect(await outside.invoke('double', { kind: 'invoke', payload: 21 }, options)).toMatchObject({
      value: 42,
    });
    const { method, url, headers } = request('http://site/a');
    const event = { kind: 'fetch', method, url, headers, body: new Uint8Array(0), route: '/*' } as const;
    expect(await outside.invoke('site', event, options)).toMatchObject({ response: { status: 202 } });
    await expect(outside.invoke('double', event, options)).rejects.toThrow("functions['double'] was fetched");
    await expect(outside.invoke('gone', event, options)).rejects.toMatchObject({ code: 'notDeployed' });
  });
});
