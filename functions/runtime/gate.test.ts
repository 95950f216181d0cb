import { expect, test } from '@jest/globals';
import { Gate } from './gate.ts';

const { signal } = new AbortController();

test('callers beyond the concurrency wait and come in in order', async () => {
  const gate = new Gate({ concurrency: 1, queue: 10 });
  const order: number[] = [];
  const leave = await gate.enter('f', signal);
  const others = [1, 2, 3].map(async (number) => {
    const out = await gate.enter('f', signal);
    order.push(number);
    out();
  });
  await Promise.resolve();
  expect(order).toEqual([]);
  leave();
  await Promise.all(others);
  expect(order).toEqual([1, 2, 3]);
});

test('a full queue refuses with a transient error', async () => {
  const gate = new Gate({ concurrency: 1, queue: 0 });
  await gate.enter('f', signal);
  await expect(gate.enter('f', signal)).rejects.toMatchObject({ code: 'queueFull', transient: true });
});

test('an abort takes a waiting caller out of the queue', async () => {
  const gate = new Gate({ concurrency: 1, queue: 1 });
  const leave = await gate.enter('f', signal);
  const controller = new AbortController();
  const waiting = gate.enter('f', controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  leave();
  await expect(gate.enter('f', signal)).resolves.toBeInstanceOf(Function);
});
