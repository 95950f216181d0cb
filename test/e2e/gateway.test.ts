import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, jest } from '@jest/globals';
import type { Status } from '../../agent/control/protocol.ts';
import { peerTest } from '../support/peers.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(180_000);

const run = promisify(execFile);

const source = `export default {
  async fetch(request) {
    const body = await request.text();
    return Response.json({ method: request.method, path: new URL(request.url).pathname, length: body.length });
  },
};
`;
const manifest = `apiVersion: holdfast/v1
kind: Machine
metadata: { name: ${worldDevice} }
functions:
  notes:
    bundle: functions/notes:latest
    on: [{ http: /notes/*, body: 1MiB }]
`;

peerTest(
  ['curl'],
  'curl reaches a function of a deployed machine, before and after a restart of the agent',
  async () => {
    await using world = await World.open();
    expect(world.agent?.ready).toMatchObject({ http: null });
    await writeFile(join(world.folder, 'notes.ts'), source);
    await world.json('push', join(world.folder, 'notes.ts'), '--name', 'functions/notes:latest');
    await writeFile(join(world.folder, 'machine.source.yaml'), manifest);
    await world.json('deploy', join(world.folder, 'machine.source.yaml'), '--wait', '60s');

    const { http } = (await world.json('status')) as Status;
    expect(http?.routes).toEqual([
      { route: '/notes/*', function: 'notes', methods: null, auth: 'local', problem: null },
    ]);
    const { stdout: shown } = await world.cli('status');
    expect(shown).toMatch(/\/notes\/\* +notes +all +local/);

    const address = `http://localhost:${http?.port ?? 0}`;
    const large = join(world.folder, 'large');
    await writeFile(large, Buffer.alloc(2 ** 20, 'a'));
    const whole = await run('curl', ['-sS', '--data-binary', `@${large}`, `${address}/notes/a`]);
    expect(JSON.parse(whole.stdout)).toEqual({ method: 'POST', path: '/notes/a', length: 2 ** 20 });
    await writeFile(large, Buffer.alloc(2 ** 20 + 1, 'a'));
    const format = ['-sS', '-o', join(world.folder, 'answer'), '-w', '%{http_code} %{content_type}'];
    for (const more of [[], ['-H', 'Transfer-Encoding: chunked'], ['-H', 'Expect:']]) {
      const refused = await run('curl', [
        ...format,
        ...more,
        '--data-binary',
        `@${large}`,
        `${address}/notes`,
      ]);
      expect(refused.stdout).toBe('413 application/problem+json');
    }
    const head = await run('curl', ['-sSI', `${address}/notes`]);
    expect(head.stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const elsewhere = await run('curl', [...format, '-H', 'Host: evil.example', `${address}/notes`]);
    expect(elsewhere.stdout).toMatch(/^403 /);

    await world.agent?.[Symbol.asyncDispose]();
    await world.startAgent();
    expect(world.agent?.ready).toMatchObject({ http: { host: '127.0.0.1', port: http?.port } });
    const again = await run('curl', ['-sS', `${address}/notes/b`]);
    expect(JSON.parse(again.stdout)).toEqual({ method: 'GET', path: '/notes/b', length: 0 });
  },
);
