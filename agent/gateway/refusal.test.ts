import { expect, test } from '@jest/globals';
import { FunctionError } from '../../functions/function-error.ts';
import { AgentError } from '../errors.ts';
import { problemBody, Refusal, refusalOf } from './refusal.ts';

test('a failed function is told apart by its kind, and its message stays inside', () => {
  const secret = 'Function x failed: password hunter2 at /srv/device/x.ts:3';
  const refusals = (['threw', 'timeout', 'crashLoop', 'queueFull', 'resultTooLarge', 'denied'] as const).map(
    (code) => refusalOf(new FunctionError(code, secret)),
  );
  expect(refusals.map(({ status }) => status)).toEqual([500, 504, 503, 503, 502, 500]);
  for (const refusal of refusals) expect(problemBody(refusal, 'id').toString()).not.toContain('hunter2');
  expect(refusalOf(new AgentError('queueFull', '')).headers).toEqual({ 'retry-after': '1' });
});

test('what is not known is a failure of ours, and no property of an object is taken for a code', () => {
  for (const error of [new Error('boom'), 'boom', undefined, { code: 'constructor' }, { code: 7 }])
    expect(refusalOf(error)).toMatchObject({ status: 500, code: 'failed', message: 'The function failed.' });
});

test('a problem document has the members of RFC 9457 and the invocation', () => {
  const refusal = new Refusal(429, 'rateLimited', 'Too many requests.', { retryAfterMs: 1 });
  expect(JSON.parse(problemBody(refusal, 'id').toString())).toEqual({
    ...{ type: 'about:blank', title: 'Too Many Requests', status: 429 },
    ...{ detail: 'Too many requests.', code: 'rateLimited', invocation: 'id' },
  });
  expect(refusal.headers).toEqual({ 'retry-after': '1' });
});
