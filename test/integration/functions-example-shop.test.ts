import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestEnvironment, type TestEnvironment } from '../../functions/sdk/testing/index.ts';

const example = 'examples/functions/shop-hono';
let device: TestEnvironment;

beforeAll(async () => {
  device = await createTestEnvironment({ entry: `${example}/index.ts`, machine: `${example}/machine.yaml` });
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
});

const put = (line: unknown, cookie?: string) =>
  device.fetch('/shop/cart/lines', {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(cookie !== undefined && { cookie }) },
    body: JSON.stringify(line),
  });

describe('a Hono app, unmodified', () => {
  test('answers by its routes, with parameters', async () => {
    const all = await device.fetch('/shop/products');
    expect(all.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await all.json()).toHaveLength(3);
    expect(await (await device.fetch('/shop/products/honey')).json()).toMatchObject({ priceCents: 790 });
    const missing = await device.fetch('/shop/products/gold');
    expect([missing.status, await missing.json()]).toEqual([
      404,
      { error: 'There is no /shop/products/gold' },
    ]);
  });

  test('keeps a cart by its cookie, orders it once, and tells the world', async () => {
    const first = await put({ product: 'eggs', count: 2 });
    const [cookie = ''] = first.headers.getSetCookie().map((text) => text.split(';')[0]);
    expect(cookie).toMatch(/^cart=[0-9a-f-]{36}$/);
    expect(first.headers.getSetCookie()[0]).toMatch(/Max-Age=86400; Path=\/shop; HttpOnly; SameSite=Strict$/);
    expect(await (await put({ product: 'honey', count: 1 }, cookie)).json()).toEqual({
      lines: [
        { product: 'eggs', count: 2 },
        { product: 'honey', count: 1 },
      ],
      totalCents: 1490,
    });
    const order = await device.fetch('/shop/cart/order', { method: 'POST', headers: { cookie } });
    expect(order.status).toBe(201);
    expect(device.published.map((message) => [message.topic, message.json()])).toEqual([
      ['shop/orders', await order.json()],
    ]);
    const again = await device.fetch('/shop/cart/order', { method: 'POST', headers: { cookie } });
    expect([again.status, await again.json()]).toEqual([409, { error: 'The cart is empty' }]);
  });

  test.each([
    [{ product: 'gold', count: 1 }, 'product: the id of a product'],
    [null, 'product: the id of a product'],
    [{ product: 'eggs', count: 51 }, 'count: a whole number to 50'],
  ])('refuses %j by its validator', async (line, error) => {
    const response = await put(line);
    expect([response.status, await response.json()]).toEqual([422, { error }]);
  });

  test('a call that its binding refuses is answered by its own error handler, and printed', async () => {
    const response = await device.fetch('/shop/cart', { headers: { cookie: `cart=${'x'.repeat(600)}` } });
    expect([response.status, await response.json()]).toEqual([500, { error: 'The shop has a problem' }]);
    expect(device.logs.at(-1)!.message).toMatch(/^Error: env\.CARTS\.get is refused: key: Too big[^\n]*$/);
  });
});
