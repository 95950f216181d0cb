import { describe, expect, test } from '@jest/globals';
import { eventOfRequest } from './event-of-request.ts';

const eventOf = (kind: string, query: Record<string, string>, body = '', contentType?: string) =>
  eventOfRequest({ kind, query: new URLSearchParams(query), body: Buffer.from(body), contentType });

describe('a request to /cdn-cgi/handler', () => {
  test('for a message carries its body as it is; what curl calls a form is none', () => {
    const form = eventOf('message', { topic: 'a/b' }, '{"n":1}', 'application/x-www-form-urlencoded');
    expect(form).toMatchObject({ kind: 'message', topic: 'a/b', payload: Buffer.from('{"n":1}') });
    expect(form).not.toHaveProperty('contentType', 'application/x-www-form-urlencoded');
    expect(eventOf('message', { topic: 'a' }, '1', 'text/csv')).toMatchObject({ contentType: 'text/csv' });
  });

  test('for a cron run takes the time as wrangler does, or as RFC 3339', () => {
    const scheduledTime = '2026-01-02T03:04:05.000Z';
    for (const time of ['1767323045000', '2026-01-02T03:04:05Z']) {
      expect(eventOf('scheduled', { cron: '0 * * * *', time })).toEqual({
        kind: 'scheduled',
        cron: '0 * * * *',
        scheduledTime,
      });
    }
  });

  test('for a queue is a batch of the elements of an array, or one message', () => {
    expect(eventOf('queue', { queue: 'jobs' }, '["a",{"b":1}]')).toMatchObject({
      queue: 'jobs',
      messages: [
        { body: new TextEncoder().encode('a'), attempts: 1 },
        { body: new TextEncoder().encode('{"b":1}'), contentType: 'application/json' },
      ],
    });
    const one = eventOf('queue', { queue: 'jobs' }, 'not json');
    expect(one.kind === 'queue' && one.messages.map(({ body }) => Buffer.from(body).toString())).toEqual([
      'not json',
    ]);
  });

  test('for a file that was deleted has no size', () => {
    const file = { volume: 'inbox', path: 'a.csv' };
    expect(eventOf('file', { ...file, size: '7' })).toMatchObject({ ...file, change: 'created', size: 7 });
    expect(eventOf('file', { ...file, change: 'deleted' })).not.toHaveProperty('size');
  });

  test.each([
    ['mail', {}, '', /no handler mail: message, scheduled, queue, file, invoke/],
    ['message', {}, '', /message: topic: /],
    ['message', { topic: 'a', qos: '1' }, '', /qos/],
    ['scheduled', { time: 'noon' }, '', /noon is no time/],
    ['invoke', {}, '{', /not JSON/],
  ])('for %s with %j is refused when it is wrong', (kind, query, body, message) => {
    expect(() => eventOf(kind, query, body)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }),
    );
  });
});
