/* eslint-disable @typescript-eslint/no-deprecated -- formData() of the platform judges ours */
import { describe, expect, test } from '@jest/globals';
import { bytesPayload } from '../payload.ts';
import { Blob as OurBlob } from './blob.ts';
import { utf8 } from './bytes.ts';
import { FormData as OurForm } from './form-data.ts';
import { receivedRequest, Request as OurRequest } from './request.ts';
import { Response as OurResponse } from './response.ts';
import { ReadableStream as OurStream } from './streams.ts';

const tag = (value: object) => Object.prototype.toString.call(value);

const platform = { Request, Response, Blob, FormData, ReadableStream };
type World = typeof platform;
const ours = {
  Request: OurRequest,
  Response: OurResponse,
  Blob: OurBlob,
  FormData: OurForm,
  ReadableStream: OurStream,
} as unknown as World;

async function outcome(use: (world: World) => unknown, world: World): Promise<unknown> {
  try {
    return await use(world);
  } catch (error) {
    return { threw: (error as Error).constructor.name };
  }
}

const streamOf = ({ ReadableStream }: World, ...chunks: unknown[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
const bytes = (...values: number[]) => new Uint8Array(values);

describe('requests and responses do as those of the platform do', () => {
  test.each<[string, (world: World) => unknown]>([
    ['text', (w) => new w.Response('ü€😀').text()],
    ['a byte order mark goes', (w) => new w.Response('\uFEFFx').text()],
    ['lone surrogates', (w) => new w.Response('a\uD800').text()],
    ['json', (w) => new w.Response('{"a":[1]}').json()],
    ['json of nothing', (w) => new w.Response('').json()],
    ['bytes', async (w) => [...(await new w.Response(bytes(1, 2)).bytes())]],
    [
      'a view',
      async (w) => [
        ...new Uint8Array(await new w.Response(new DataView(bytes(1, 2, 3).buffer, 1)).arrayBuffer()),
      ],
    ],
    [
      'no body',
      async (w) => [new w.Response().body, await new w.Response(null).text(), new w.Response().bodyUsed],
    ],
    [
      'a null body is never used',
      async (w) => {
        const response = new w.Response();
        await response.text();
        return [await response.text(), response.bodyUsed];
      },
    ],
    [
      'read twice',
      async (w) => {
        const response = new w.Response('x');
        await response.text();
        return [response.bodyUsed, await outcome(() => response.text(), w)];
      },
    ],
    [
      'blob',
      async (w) => {
        const blob = await new w.Response('x', { headers: { 'content-type': 'Text/Plain' } }).blob();
        return [blob.type, blob.size, await blob.text(), tag(blob)];
      },
    ],
    [
      'types by body',
      (w) => [
        new w.Response('x').headers.get('content-type'),
        new w.Response(new URLSearchParams({ a: '1 2' })).headers.get('content-type'),
        new w.Response(new w.Blob([], { type: 'a/b' })).headers.get('content-type'),
        new w.Response(bytes(1)).headers.get('content-type'),
        new w.Response(new w.FormData()).headers.get('content-type')?.split(';')[0],
        new w.Response('x', { headers: { 'Content-Type': 'own' } }).headers.get('content-type'),
      ],
    ],
    ['a body of a stream', (w) => new w.Response(streamOf(w, bytes(97), bytes(98, 99))).text()],
    ['a stream of the wrong chunks', (w) => new w.Response(streamOf(w, 'a')).text()],
    [
      'the stream is the body',
      (w) => {
        const stream = streamOf(w, bytes(97));
        return new w.Response(stream).body === stream;
      },
    ],
    [
      'the body as a stream',
      async (w) => {
        const response = new w.Response('abc');
        const reader = response.body!.getReader();
        const first = await reader.read();
        return [
          Buffer.from(first.value).toString(),
          (await reader.read()).done,
          response.bodyUsed,
          response.body!.locked,
        ];
      },
    ],
    [
      'a locked stream',
      async (w) => {
        const response = new w.Response('abc');
        response.body!.getReader();
        return [response.bodyUsed, await outcome(() => response.text(), w)];
      },
    ],
    [
      'a stream that was looked at and not read',
      async (w) => {
        const response = new w.Response('abc');
        response.body!.getReader().releaseLock();
        return [response.bodyUsed, await response.text(), response.bodyUsed];
      },
    ],
    [
      'a stream given that was read',
      async (w) => {
        const stream = streamOf(w, bytes(97));
        await stream.getReader().read();
        return outcome(() => new w.Response(stream), w);
      },
    ],
    [
      'clone',
      async (w) => {
        const one = new w.Response('abc', { status: 201, headers: { x: 'y' } });
        const other = one.clone();
        return [await one.text(), await other.text(), other.status, other.headers.get('x')];
      },
    ],
    [
      'clone of a stream',
      async (w) => {
        const one = new w.Response(streamOf(w, bytes(97), bytes(98)));
        const other = one.clone();
        return [await other.text(), await one.text()];
      },
    ],
    [
      'clone after reading',
      async (w) => {
        const one = new w.Response('abc');
        await one.text();
        return one.clone();
      },
    ],
    [
      'the body of a read response',
      async (w) => {
        const one = new w.Response('abc');
        await one.text();
        return new w.Response(one.body);
      },
    ],
    [
      'the body of a read response that was empty',
      async (w) => {
        const one = new w.Response('');
        await one.text();
        return new w.Response(one.body);
      },
    ],
    [
      'a read request as the options of another',
      async (w) => {
        const one = new w.Request('https://a.example', { method: 'PUT', body: 'b' });
        await one.text();
        return new w.Request('https://b.example', one);
      },
    ],
    [
      'a request passed on and then the options of another',
      async (w) => {
        const one = new w.Request('https://a.example', { method: 'PUT', body: 'b' });
        const first = new w.Request(one);
        return [await first.text(), await outcome(() => new w.Request('https://b.example', one), w)];
      },
    ],
    [
      'null for options',
      (w) => [
        new w.Response('', null as never).status,
        new w.Request('https://a.example', null as never).method,
        new w.Blob([], null as never).size,
      ],
    ],
    ['a number for options of a response', (w) => new w.Response('', 1 as never)],
    ['a number for options of a request', (w) => new w.Request('https://a.example', 1 as never)],
    [
      'a response as the options of another',
      (w) => {
        const one = new w.Response('', { status: 201, statusText: 'Made', headers: { x: 'y' } });
        const other = new w.Response('', one);
        return [other.status, other.statusText, other.headers.get('x')];
      },
    ],
    [
      'Response.json',
      async (w) => {
        const response = w.Response.json({ a: 1 }, { status: 201, headers: { x: 'y' } });
        return [response.status, [...response.headers], await response.text()];
      },
    ],
    ['Response.json of undefined', (w) => w.Response.json(undefined)],
    [
      'Response.redirect',
      (w) => {
        const response = w.Response.redirect('https://a.example/b c', 303);
        return [response.status, response.headers.get('location'), response.body];
      },
    ],
    ['Response.redirect with another status', (w) => w.Response.redirect('https://a.example/', 200 as never)],
    ['Response.redirect to nowhere', (w) => w.Response.redirect('/relative')],
    ['Response.error', (w) => [w.Response.error().type, w.Response.error().status, w.Response.error().ok]],
    [
      'what a response says',
      (w) => {
        const r = new w.Response(undefined, { status: 299, statusText: 'Fine' });
        return [r.ok, r.status, r.statusText, r.type, r.url, r.redirected, tag(r)];
      },
    ],
    ...[199, 600, 0, Number.NaN].map((status): [string, (w: World) => unknown] => [
      `status ${status}`,
      (w) => new w.Response('', { status }),
    ]),
    ['a body with 204', (w) => new w.Response('', { status: 204 })],
    ['a line break in statusText', (w) => new w.Response('', { statusText: 'a\nb' })],
    [
      'what a request says',
      (w) => {
        const r = new w.Request('https://a.example/x y?z#f', { method: 'post', body: 'b' });
        return [
          r.method,
          r.url,
          r.redirect,
          r.signal.aborted,
          r.cache,
          r.credentials,
          r.mode,
          r.duplex,
          r.referrer,
          r.keepalive,
          tag(r),
        ];
      },
    ],
    ['a method of its own', (w) => new w.Request('https://a.example', { method: 'patch' }).method],
    [
      'a request of a request',
      async (w) => {
        const one = new w.Request('https://a.example', { method: 'PUT', body: 'b', headers: { x: 'y' } });
        const other = new w.Request(one, { headers: { z: '1' } });
        return [
          one.bodyUsed,
          other.method,
          await other.text(),
          other.headers.get('x'),
          other.headers.get('z'),
        ];
      },
    ],
    [
      'a request of a request with a stream',
      async (w) => {
        const init = { method: 'PUT', body: streamOf(w, bytes(97)), duplex: 'half' } as never;
        return new w.Request(new w.Request('https://a.example', init)).text();
      },
    ],
    [
      'a request of a read request',
      async (w) => {
        const one = new w.Request('https://a.example', { method: 'PUT', body: 'b' });
        await one.text();
        return new w.Request(one);
      },
    ],
    [
      'a body over a read request',
      async (w) => {
        const one = new w.Request('https://a.example', { method: 'PUT', body: 'b' });
        await one.text();
        return new w.Request(one, { body: 'c' }).text();
      },
    ],
    [
      'clone of a request',
      async (w) => {
        const one = new w.Request('https://a.example', { method: 'PUT', body: 'b' });
        const other = one.clone();
        return [await one.text(), await other.text(), other.url];
      },
    ],
    ['GET with a body', (w) => new w.Request('https://a.example', { body: 'x' })],
    ['CONNECT', (w) => new w.Request('https://a.example', { method: 'connect' })],
    ['a method with a blank', (w) => new w.Request('https://a.example', { method: 'a b' })],
    ['a password in the URL', (w) => new w.Request('https://u:p@a.example')],
    ['a relative URL', (w) => new w.Request('/x')],
    ['a redirect mode', (w) => new w.Request('https://a.example', { redirect: 'no' as never })],
    ['a signal', (w) => new w.Request('https://a.example', { signal: AbortSignal.abort() }).signal.aborted],
    ['no signal', (w) => new w.Request('https://a.example', { signal: {} as never })],
    [
      'a form',
      async (w) => {
        const form = new w.FormData();
        form.append('a', '1');
        form.append('f', new w.Blob(['xyz'], { type: 'a/b' }), 'n.bin');
        const read = await new w.Response(form).formData();
        const file = read.get('f') as File;
        return [read.get('a'), file.name, file.type, await file.text()];
      },
    ],
    [
      'a form in a URL',
      async (w) => [...(await new w.Response(new URLSearchParams('a=1&b=%C3%BC+x')).formData())],
    ],
    [
      'a form of texts with byte order marks',
      async (w) => {
        const form = new w.FormData();
        form.append('a', '\uFEFF1');
        return [...(await new w.Response(form).formData())];
      },
    ],
    ['no form', (w) => new w.Response('a=1').formData()],
    [
      'a slice of a blob',
      async (w) => {
        const blob = new w.Blob(['abc', bytes(100), new w.Blob(['ef'])], { type: 'A/B' });
        const part = blob.slice(-4, -1, 'C/D');
        return [blob.size, blob.type, part.type, await part.text(), blob.slice(4, 2).size];
      },
    ],
    ['a blob as a stream', async (w) => new w.Response(new w.Blob(['abc']).stream()).text()],
    ['a blob of no sequence', (w) => new w.Blob('abc' as never)],
  ])('%s', async (_what, use) => {
    expect(await outcome(use, ours)).toEqual(await outcome(use, platform));
  });
});

test('a request that came has its bytes, and headers that nobody changes', async () => {
  const request = receivedRequest({
    method: 'POST',
    url: 'http://device/x',
    headers: [['Content-Type', 'application/json']],
    payload: bytesPayload(utf8, Buffer.from('{"a":1}')),
  });
  expect(await request.clone().json()).toEqual({ a: 1 });
  expect(() => request.headers.set('a', 'b')).toThrow(TypeError);
  const other = new OurRequest(request, { headers: { a: 'b' } });
  expect([other.headers.get('a'), await other.text()]).toEqual(['b', '{"a":1}']);
});

test('a form in a URL may begin with a question mark, which is data in a body', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  expect([...(await new OurResponse('?a=1', { headers }).formData())]).toEqual([['?a', '1']]);
});
