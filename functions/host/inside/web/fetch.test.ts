import { describe, expect, test } from '@jest/globals';
import { makeFetch, type FetchArgs, type SendFetch } from './fetch.ts';
import { bytesPayload } from '../payload.ts';
import { utf8 } from './bytes.ts';
import { Request } from './request.ts';

type Sent = FetchArgs & { readonly body: string | undefined };

function recorder(answer: Partial<{ status: number; headers: [string, string][]; body: string }> = {}) {
  const sent: Sent[] = [];
  const send: SendFetch = (args, body) => {
    sent.push({ ...args, body: body && Buffer.from(body).toString() });
    const { status = 200, headers = [['x-a', 'b']], body: text = 'hello' } = answer;
    return Promise.resolve({
      json: { status, headers, url: 'https://a.example/final', redirected: true },
      payload: bytesPayload(utf8, Buffer.from(text)),
    });
  };
  return { sent, fetch: makeFetch(send, 1000) };
}

describe('fetch inside', () => {
  test('sends method, address without fragment, headers and body, and gives the response', async () => {
    const { sent, fetch } = recorder({ status: 418 });
    const response = await fetch('https://a.example/x#frag', {
      method: 'post',
      body: 'ü',
      headers: { 'X-Y': 'z' },
      redirect: 'manual',
    });
    expect(sent).toEqual([
      {
        method: 'POST',
        url: 'https://a.example/x',
        headers: [
          ['content-type', 'text/plain;charset=UTF-8'],
          ['x-y', 'z'],
        ],
        redirect: 'manual',
        body: 'ü',
      },
    ]);
    expect([response.status, response.ok, response.url, response.redirected]).toEqual([
      418,
      false,
      'https://a.example/final',
      true,
    ]);
    expect([response.headers.get('x-a'), await response.text()]).toEqual(['b', 'hello']);
    expect(() => response.headers.set('a', 'b')).toThrow(TypeError);
  });

  test('takes a request, and what is said beside it', async () => {
    const { sent, fetch } = recorder({ status: 204 });
    const response = await fetch(new Request('https://a.example', { method: 'PUT', body: 'x' }), {
      headers: { a: 'b' },
    });
    expect(sent[0]).toMatchObject({
      method: 'PUT',
      url: 'https://a.example/',
      headers: [['a', 'b']],
      body: 'x',
    });
    expect([response.status, response.body]).toEqual([204, null]);
  });

  test('a refused call is a TypeError that keeps its code', async () => {
    const fetch = makeFetch(
      () => Promise.reject(Object.assign(new Error('no such grant'), { code: 'denied' })),
      1,
    );
    const error = await fetch('https://a.example').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'denied', message: 'no such grant' });
  });

  test('a body larger than a call carries is refused before it is sent', async () => {
    const { sent, fetch } = recorder();
    await expect(fetch('https://a.example', { method: 'POST', body: 'x'.repeat(1001) })).rejects.toThrow(
      /1000 bytes/,
    );
    expect(sent).toEqual([]);
  });

  test('rejects with the reason of its signal, before and while it runs', async () => {
    const { sent, fetch } = recorder();
    const reason = new Error('enough');
    await expect(fetch('https://a.example', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(sent).toEqual([]);
    const never = makeFetch(() => new Promise(() => undefined), 1000);
    const controller = new AbortController();
    const running = never('https://a.example', { signal: controller.signal });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  test('an address that is none rejects, it does not throw', async () => {
    await expect(recorder().fetch('nowhere')).rejects.toMatchObject({ name: 'TypeError' });
  });
});
