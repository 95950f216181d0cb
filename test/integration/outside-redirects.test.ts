import { describe, expect, test } from '@jest/globals';
import { ask, echo, serve, type Echo, type Handler } from '../support/outside.ts';

describe('a redirect', () => {
  const to =
    (location: string, status = 302): Handler =>
    (request, response) => {
      if (request.url === '/end') echo(request, response);
      else response.writeHead(status, { location }).end('moved');
    };

  test.each([
    ['loopback by another port', (port: number) => `http://127.0.0.1:${port + 1}/`],
    ['localhost', (port: number) => `http://localhost:${port}/`],
    ['the metadata service', () => 'http://169.254.169.254/latest/meta-data/'],
    ['a number that is loopback', (port: number) => `http://2130706433:${port + 1}/`],
    ['another scheme', (port: number) => `https://127.0.0.1:${port}/`],
  ])('to %s is denied when that is not granted', async (_, target) => {
    let port = 0;
    await using server = await serve((_request, response) => {
      response.writeHead(302, { location: target(port) }).end();
    });
    port = server.port;
    await expect(ask({ url: server.origin })).rejects.toMatchObject({ code: 'denied' });
  });

  test.each(['file:///etc/passwd', 'data:text/plain,x', 'http://me:secret@127.0.0.1/', 'http://[broken'])(
    'to %s is refused',
    async (location) => {
      await using server = await serve(to(location));
      await expect(ask({ url: server.origin })).rejects.toMatchObject({ code: 'refused' });
    },
  );

  test.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [307, 'POST', 'POST', 'body'],
    [308, 'PUT', 'PUT', 'body'],
    [302, 'PUT', 'PUT', 'body'],
  ])('by %i turns %s into %s', async (status, method, then, body) => {
    await using server = await serve(to('/end', status));
    const answer = await ask({
      url: server.origin,
      method,
      headers: [['content-type', 'text/plain']],
      body: Buffer.from('body'),
    });
    const seen = JSON.parse(answer.text) as Echo;
    expect([seen.method, seen.body, seen.headers['content-type']]).toEqual([
      then,
      body,
      body === '' ? undefined : 'text/plain',
    ]);
    expect([answer.url, answer.redirected]).toEqual([`${server.origin}/end`, true]);
  });

  test('takes credentials along on the same origin, and to no other', async () => {
    await using other = await serve(echo);
    await using server = await serve((request, response) => {
      if (request.url === '/end') echo(request, response);
      else response.writeHead(302, { location: request.url === '/away' ? other.origin : '/end' }).end();
    });
    const origins = [server.origin, other.origin];
    const headers: [string, string][] = [
      ['Authorization', 'Bearer x'],
      ['Cookie', 'a=b'],
      ['x-mine', 'stays'],
    ];
    const here = JSON.parse((await ask({ url: `${server.origin}/here`, origins, headers })).text) as Echo;
    expect(here.headers).toMatchObject({ authorization: 'Bearer x', cookie: 'a=b' });
    const away = JSON.parse((await ask({ url: `${server.origin}/away`, origins, headers })).text) as Echo;
    expect(away.headers).not.toHaveProperty('authorization');
    expect(away.headers).not.toHaveProperty('cookie');
    expect(away.headers['x-mine']).toBe('stays');
  });

  test('without an end ends after ten', async () => {
    let requests = 0;
    await using server = await serve((_, response) => {
      response.writeHead(302, { location: `/${++requests}` }).end();
    });
    await expect(ask({ url: server.origin })).rejects.toMatchObject({ code: 'refused' });
    expect(requests).toBe(11);
  });

  test('is handed over when asked for, and an error when it is not wanted', async () => {
    await using server = await serve(to('/end'));
    const manual = await ask({ url: server.origin, redirect: 'manual' });
    expect([manual.status, manual.text, manual.redirected]).toEqual([302, 'moved', false]);
    await expect(ask({ url: server.origin, redirect: 'error' })).rejects.toMatchObject({ code: 'refused' });
  });
});
