import { expect, test } from '@jest/globals';
import type { IncomingHttpHeaders } from 'node:http';
import { requireLocal } from './local-access.ts';

function ask(
  headers: IncomingHttpHeaders,
  { from = '127.0.0.1', host = 'localhost:8080', method = 'GET' } = {},
): void {
  requireLocal({ method, headers, socket: { remoteAddress: from } }, new URL(`http://${host}/`));
}

const forbidden = expect.objectContaining({ status: 403, code: 'forbidden' });

test.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('%s is this machine', (from) => {
  expect(() => ask({}, { from })).not.toThrow();
});

test.each(['192.168.1.2', '10.0.0.1', '::ffff:192.168.1.2', 'fe80::1', '::', '0.0.0.0', ''])(
  '%s is not this machine, whatever its headers claim',
  (from) => {
    const claims = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '127.0.0.1' };
    expect(() => ask(claims, { from })).toThrow(forbidden);
  },
);

test.each(['localhost', 'localhost:1', '127.0.0.1:8080', '127.1:8080', '[::1]:8080', 'LOCALHOST'])(
  'a request for the host %s is let in',
  (host) => {
    expect(() => ask({}, { host })).not.toThrow();
  },
);

test.each(['evil.example', 'localhost.evil.example', '192.168.1.2', 'a.localhost', '[::2]'])(
  'a request for the host %s is refused: a name can be made to point here',
  (host) => {
    expect(() => ask({}, { host })).toThrow(forbidden);
  },
);

test.each(['https://evil.example', 'null', 'http://localhost.evil.example', 'file://', 'nonsense'])(
  'a page of %s may not send requests',
  (origin) => {
    expect(() => ask({ origin }, { method: 'POST' })).toThrow(forbidden);
  },
);

test.each(['http://localhost:3000', 'http://127.0.0.1:5173', 'https://[::1]'])(
  'a page of %s may, whatever the browser calls it',
  (origin) => {
    expect(() => ask({ origin, 'sec-fetch-site': 'cross-site' }, { method: 'POST' })).not.toThrow();
  },
);

test('of other sites only a link that a person follows is let in', () => {
  const page = { 'sec-fetch-site': 'cross-site' };
  const link = { ...page, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  expect(() => ask(link)).not.toThrow();
  expect(() => ask(link, { method: 'POST' })).toThrow(forbidden);
  expect(() => ask({ ...link, 'sec-fetch-dest': 'iframe' })).toThrow(forbidden);
  expect(() => ask({ ...page, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' })).toThrow(forbidden);
  expect(() => ask({ 'sec-fetch-site': 'same-origin' })).not.toThrow();
});
