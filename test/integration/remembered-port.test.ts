import { expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { silentLogger } from '../../lib/logger.ts';
import { listenAt, listenOnRememberedPort, type PortRequest } from '../../lib/remembered-port.ts';
import { temporaryFolder } from '../support/data-plane.ts';

const host = '127.0.0.1';

/** Answers as node would where the ports in `taken` are another program's and 4000 is the next free one. */
function machine(taken: readonly number[] = []): PortRequest['listen'] {
  return (port) => {
    if (!taken.includes(port)) return Promise.resolve(port === 0 ? 4000 : port);
    return Promise.reject(Object.assign(new Error('taken'), { code: 'EADDRINUSE' }));
  };
}

test('a free port is kept for the next start, each name its own', async () => {
  await using folder = await temporaryFolder();
  const request = { folder: folder.path, port: 0, logger: silentLogger };
  expect(await listenOnRememberedPort({ ...request, name: 'a', listen: machine() })).toBe(4000);
  expect(await listenOnRememberedPort({ ...request, name: 'b', listen: () => Promise.resolve(4001) })).toBe(
    4001,
  );
  const asked: number[] = [];
  const listen = (port: number) => Promise.resolve(asked.push(port)).then(() => port);
  expect(await listenOnRememberedPort({ ...request, name: 'a', listen })).toBe(4000);
  expect(asked).toEqual([4000]);
  expect(JSON.parse(await readFile(join(folder.path, 'ports.json'), 'utf8'))).toEqual({ a: 4000, b: 4001 });
});

test('a kept port that another program has by now is given up for a free one; a port that was asked for is not', async () => {
  await using folder = await temporaryFolder();
  const request = { folder: folder.path, name: 'a', logger: silentLogger };
  await writeFile(join(folder.path, 'ports.json'), '{"a":3999}');
  expect(await listenOnRememberedPort({ ...request, port: 0, listen: machine([3999]) })).toBe(4000);
  const asked = listenOnRememberedPort({ ...request, port: 3999, listen: machine([3999]) });
  await expect(asked).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('a file of ports that cannot be read costs only the numbers', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'ports.json'), '{"a": 70000');
  const request = { folder: folder.path, name: 'a', port: 0, logger: silentLogger };
  expect(await listenOnRememberedPort({ ...request, listen: machine() })).toBe(4000);
});

test('a server that could not listen can be asked again', async () => {
  const first = createServer();
  const second = createServer();
  const port = await listenAt(first, { host, port: 0 });
  await expect(listenAt(second, { host, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(await listenAt(second, { host, port: 0 })).toBeGreaterThan(0);
  for (const server of [first, second]) server.close();
});
