import { expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { FunctionResponse } from '../../functions/index.ts';
import {
  bundlesOf,
  eventually,
  machineWith,
  openDevice,
  type Handler,
  temporaryFolder,
} from '../support/data-plane.ts';
import { type FetchEvent, plain, say, portOf, urlOf, oneFunction } from '../support/gateway.ts';
import { openRaw, send } from '../support/http.ts';

test('a caller that leaves ends its invocation, and gives up its place when it still waits', async () => {
  let running = 0;
  let aborted = 0;
  const slow: Handler = (_event, _effects, signal) => {
    running++;
    return new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => {
        aborted++;
        reject(signal.reason as Error);
      }),
    );
  };
  await using device = await oneFunction(slow);
  const first = await openRaw(portOf(device));
  const second = await openRaw(portOf(device));
  for (const { socket } of [first, second]) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await eventually(() => device.plane.status().http?.inFlight === 2 && running > 0);
  expect(running).toBe(1);
  second.socket.destroy();
  await eventually(() => device.plane.status().http?.inFlight === 1);
  first.socket.destroy();
  await eventually(() => device.plane.status().http?.inFlight === 0);
  expect([running, aborted]).toEqual([1, 1]);
});

test('a new generation takes over between two requests, and those under way end as they began', async () => {
  const gate = Promise.withResolvers<FunctionResponse>();
  await using device = await openDevice(
    { functions: { f: { on: [{ http: '/old' }] } } },
    { handlers: { f: (event) => ((event as FetchEvent).route === '/old' ? gate.promise : plain('new')) } },
  );
  const under = send(urlOf(device, '/old'));
  await eventually(() => device.plane.status().http?.inFlight === 1);
  const port = portOf(device);
  const machine = await machineWith({
    functions: { f: { on: [{ http: '/new' }], limits: { concurrency: 2 } } },
  });
  await device.plane.configure(machine, bundlesOf(machine));
  expect(portOf(device)).toBe(port);
  expect((await send(urlOf(device, '/old'))).status).toBe(404);
  expect((await send(urlOf(device, '/new'))).text).toBe('new');
  gate.resolve(plain('old'));
  expect((await under).text).toBe('old');
});

test('the port opens with the first http trigger and is the same at the next start', async () => {
  await using folder = await temporaryFolder();
  const ports: number[] = [];
  for (let start = 0; start < 2; start++) {
    await using device = await openDevice(
      { functions: { f: {} } },
      { root: folder.path, handlers: { f: say('hi') } },
    );
    expect(device.plane.status().http).toBeNull();
    const machine = await machineWith({ functions: { f: { on: [{ http: '/' }] } } });
    await device.plane.configure(machine, bundlesOf(machine));
    expect((await send(urlOf(device))).text).toBe('hi');
    ports.push(portOf(device));
  }
  expect(ports[1]).toBe(ports[0]);
});

test('a port that another program has is a visible problem that passes', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await eventually(() => other.listening);
  const { port } = other.address() as { port: number };
  await using device = await openDevice(
    { functions: { f: { on: [{ http: '/' }] } } },
    { handlers: { f: say('hi') }, http: { host: '127.0.0.1', port } },
  );
  expect(device.plane.http).toBeNull();
  expect(device.plane.status().http?.problem).toContain(String(port));
  expect(device.plane.components()['functions.f']).toMatchObject({ state: 'waiting' });
  other.close();
  await eventually(() => device.plane.http !== null);
  expect((await send(urlOf(device))).text).toBe('hi');
  expect(device.plane.components()['functions.f']).toMatchObject({ state: 'running' });
}, 60_000);

test('closing interrupts what runs and tells its callers', async () => {
  const device = await oneFunction(
    (_event, _effects, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      ),
  );
  const under = send(urlOf(device));
  await eventually(() => device.plane.status().http?.inFlight === 1);
  await device[Symbol.asyncDispose]();
  expect(await under).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
});

test('a generation whose routes are one path twice is refused and changes nothing', async () => {
  await using device = await oneFunction(say('hi'));
  const wrong = await machineWith({ functions: { f: { on: [{ http: '/a' }, { http: '/%61' }] } } });
  await expect(device.plane.configure(wrong, bundlesOf(wrong))).rejects.toMatchObject({ code: 'badInput' });
  expect((await send(urlOf(device))).text).toBe('hi');
});
