import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { fetchesAtATime, fetchGate, shareOf } from './fetch-share.ts';
import type { OutboundRequest, OutboundResponse, OutsideEffects } from './ports.ts';

const request: OutboundRequest = {
  ...{ method: 'GET', url: 'http://a', headers: [], body: undefined, redirect: 'follow', origins: [] },
  maxResponseBytes: 1,
};
const response = { status: 200, headers: [], body: new Uint8Array(0), url: 'http://a', redirected: false };

function world() {
  const open: PromiseWithResolvers<OutboundResponse>[] = [];
  const fetch = () => {
    const asked = Promise.withResolvers<OutboundResponse>();
    open.push(asked);
    return asked.promise;
  };
  const outside = { fetch } as unknown as OutsideEffects;
  return { open, share: (name: string) => shareOf(outside, name, fetchGate()) };
}

test('a function that asks for ever leaves connections to the others', async () => {
  const { open, share } = world();
  const { signal } = new AbortController();
  const greedy = share('greedy');
  const asked = Array.from({ length: 200 }, () => greedy.fetch(request, { signal }));
  await setImmediate();
  expect(open).toHaveLength(fetchesAtATime);
  void share('other').fetch(request, { signal });
  await setImmediate();
  expect(open).toHaveLength(fetchesAtATime + 1);
  open[0]?.resolve(response);
  open[1]?.reject(new Error('gone'));
  await expect(asked[1]).rejects.toThrow('gone');
  await setImmediate();
  expect(open).toHaveLength(fetchesAtATime + 3);
});

test('a request that waits ends with its invocation, and the next has its turn', async () => {
  const { open, share } = world();
  const f = share('f');
  const [running, ended] = [new AbortController(), new AbortController()];
  for (let n = 0; n < fetchesAtATime; n++) void f.fetch(request, running);
  const waiting = f.fetch(request, ended);
  void f.fetch(request, running);
  ended.abort(new Error('over'));
  await expect(waiting).rejects.toThrow('over');
  open[0]?.resolve(response);
  await setImmediate();
  expect(open).toHaveLength(fetchesAtATime + 1);
});
