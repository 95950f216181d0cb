import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestEnvironment, type TestEnvironment } from '../../functions/sdk/testing/index.ts';

const example = 'examples/functions/orders-lambda';
let device: TestEnvironment;

beforeAll(async () => {
  device = await createTestEnvironment({ entry: `${example}/index.ts`, machine: `${example}/machine.yaml` });
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
});

const order = {
  id: 'a-1',
  customer: 'Ada',
  lines: [
    { sku: 'tea', count: 2 },
    { sku: 'cup', count: 1 },
  ],
};

describe('a handler written for AWS Lambda, unmodified', () => {
  test('answers events of an HTTP API', async () => {
    const response = await device.fetch('/orders/check', { method: 'POST', body: JSON.stringify(order) });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await response.json()).toEqual({ id: 'a-1', pieces: 3 });
  });

  test('its own status codes and headers arrive', async () => {
    const wrong = await device.fetch('/orders/check', {
      method: 'POST',
      body: '{"id":"a-1","customer":"Ada"}',
    });
    expect([wrong.status, await wrong.json()]).toEqual([422, { error: 'lines: at least one' }]);
    const got = await device.fetch('/orders/check');
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('of a batch only the messages that failed come again', async () => {
    const outcome = await device.queue('orders', [
      { id: 'one', body: order },
      { id: 'two', body: { ...order, id: 'no id!' } },
      { id: 'three', body: { ...order, id: 'a-3' } },
      { id: 'four', body: 'no order' },
    ]);
    expect(outcome.retry.map(({ id }) => id)).toEqual(['two', 'four']);
    const messages = device.logs.map(({ message }) => message);
    expect(messages.filter((text) => text.includes('packed'))).toEqual([
      expect.stringMatching(/^[0-9a-f-]{36} packed a-1 for Ada: 2 × tea, 1 × cup$/),
      expect.stringMatching(/^[0-9a-f-]{36} packed a-3 for Ada/),
    ]);
    expect(messages).toContain('InvalidOrder: id: letters, digits and hyphens');
  });
});
