import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { Status } from '../../agent/control/protocol.ts';
import { runCli } from '../support/cli.ts';
import { World, worldDevice } from '../support/world.ts';

/** The examples, pushed and deployed by the command, called by what would call them on a device. */

type Machine = { functions: Record<string, Record<string, unknown>>; clients?: unknown; metadata: object };

const names = ['shop-hono', 'orders-lambda', 'checksum-wasm'] as const;
const password = 'workbench';

/** Fails as an author's mistake does: at a line of a file that is not the entry. */
const brokenSource = `export function divide(total: bigint, by: bigint): bigint {
  type Unused = string;
  return total / by;
}
`;
const broken = `import { divide } from './divide.ts';
export default { invoke: (payload: string) => String(divide(1n, BigInt(payload))) };
`;

let world: World;
let address: string;

async function machineOf(): Promise<Machine> {
  const machines = await Promise.all(
    names.map(
      async (name) => parse(await readFile(`examples/functions/${name}/machine.yaml`, 'utf8')) as Machine,
    ),
  );
  const { stdout: hash } = await runCli(['hash-password'], { input: password });
  return {
    ...machines[0]!,
    metadata: { name: worldDevice },
    functions: {
      ...Object.fromEntries(machines.flatMap(({ functions }) => Object.entries(functions))),
      sender: {
        bundle: 'functions/sender:latest',
        bindings: { ORDERS: { queue: 'orders' } },
      },
      broken: { bundle: 'functions/broken:latest' },
    },
    clients: { bench: { password: hash.trim(), publish: ['firmware/#'], subscribe: ['sums/#', 'shop/#'] } },
  };
}

beforeAll(async () => {
  world = await World.open();
  const sender =
    'export default { invoke: async (orders, env) => { await env.ORDERS.sendBatch(orders.map((body) => ({ body }))); } };';
  await writeFile(join(world.folder, 'sender.ts'), sender);
  await writeFile(join(world.folder, 'divide.ts'), brokenSource);
  await writeFile(join(world.folder, 'broken.ts'), broken);
  for (const name of names) await world.json('push', `examples/functions/${name}`);
  for (const name of ['sender', 'broken']) await world.json('push', join(world.folder, `${name}.ts`));
  const file = join(world.folder, 'machine.source.yaml');
  await writeFile(file, stringify(await machineOf()));
  await world.json('deploy', file, '--wait', '60s');
  const { http } = (await world.json('status')) as Status;
  address = `http://localhost:${http?.port ?? 0}`;
}, 180_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function subscriber() {
  const { host, port } = world.agent!.ready.mqtt as { host: string; port: number };
  const client = await connectAsync(`mqtt://${host}:${port}`, { username: 'bench', password });
  const received: [string, unknown][] = [];
  const waiting = new Set<() => void>();
  client.on('message', (topic, payload) => {
    received.push([topic, JSON.parse(payload.toString('utf8'))]);
    for (const look of waiting) look();
  });
  await client.subscribeAsync(['sums/#', 'shop/#'], { qos: 1 });
  const next = async (): Promise<[string, unknown]> => {
    while (received.length === 0) await new Promise<void>((resolve) => waiting.add(resolve));
    return received.shift()!;
  };
  return { client, next, [Symbol.asyncDispose]: () => client.endAsync() };
}

/** Lines of the agent's log that a function wrote, once there are any like this. */
async function logsWith(text: string): Promise<string> {
  for (;;) {
    const { stdout } = await world.cli('logs');
    if (stdout.includes(text)) return stdout;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test('a shop made with Hono takes an order by curl, with a cookie jar, and tells it by MQTT', async () => {
  await using bench = await subscriber();
  const jar = join(world.folder, 'jar');
  const curl = async (...parameters: string[]) =>
    JSON.parse(
      (await promisify(execFile)('curl', ['-sS', '-c', jar, '-b', jar, ...parameters])).stdout,
    ) as unknown;
  expect(await curl(`${address}/shop/products`)).toHaveLength(3);
  const json = ['-X', 'PUT', '-H', 'content-type: application/json', '-d'];
  await curl(...json, '{"product":"eggs","count":2}', `${address}/shop/cart/lines`);
  await curl(...json, '{"product":"honey","count":1}', `${address}/shop/cart/lines`);
  const order = await curl('-X', 'POST', `${address}/shop/cart/order`);
  expect(order).toMatchObject({ totalCents: 1490 });
  expect(await bench.next()).toEqual(['shop/orders', order]);
  expect(await curl(`${address}/shop/cart`)).toEqual({ lines: [], totalCents: 0 });
});

test('a Lambda handler checks an order by HTTP and packs what comes by its queue', async () => {
  const order = { id: 'a-1', customer: 'Ada', lines: [{ sku: 'tea', count: 2 }] };
  const checked = await fetch(`${address}/orders/check`, { method: 'POST', body: JSON.stringify(order) });
  expect([checked.status, await checked.json()]).toEqual([200, { id: 'a-1', pieces: 2 }]);
  expect((await fetch(`${address}/orders/check`)).status).toBe(405);
  const batch = JSON.stringify([order, 'no order', { ...order, id: 'a-2' }]);
  expect(await world.json('invoke', 'sender', '--payload', batch)).toEqual({ result: null });
  const logs = await logsWith('packed a-2');
  expect(logs).toContain('packed a-1 for Ada: 2 × tea');
});

test('WebAssembly sums a message that comes by MQTT', async () => {
  await using bench = await subscriber();
  await bench.client.publishAsync('firmware/a.bin', '123456789', { qos: 1 });
  expect(await bench.next()).toEqual([
    'sums/a.bin',
    { name: 'a.bin', bytes: 9, crc32: 'cbf43926', adler32: '091e01de' },
  ]);
});

test('what a function throws is in the logs with the file and the line of its author', async () => {
  const { code, stderr } = await world.cli('invoke', 'broken', '--payload', '"0"');
  expect([code, stderr]).toEqual([1, expect.stringContaining('Division by zero')]);
  expect(await logsWith('Division by zero')).toMatch(/divide\.ts:3:10/);
});
