import { expect, test } from '@jest/globals';
import type { LocalMessage } from './local-messages.ts';
import { emptyReplica, updateHere } from './replica.ts';
import { encodeReplica } from './replica-codec.ts';
import { ShadowTransaction } from './shadow-transaction.ts';

const reported = (value: number) => ({ state: { reported: { value } } });
const made = (value: number): Uint8Array =>
  encodeReplica(updateHere(emptyReplica, reported(value), 1).accepted!);

/** A transaction at second 7, on a store with these shadows. */
function begin(stored: Map<string, Uint8Array>) {
  const said: LocalMessage[] = [];
  const store = {
    value: (_store: string, name: string) => Promise.resolve(stored.get(name)),
    keys: () => Promise.resolve([...stored.keys()]),
  };
  const say = (message: LocalMessage): void => void said.push(message);
  const transaction = new ShadowTransaction({ store, now: () => new Date(7000), say });
  const bodies = () =>
    said.map(({ topic, payload }) => [topic, JSON.parse(String(Buffer.from(payload))) as unknown]);
  return { transaction, bodies, operations: () => transaction.operations(7000) };
}

test('the commit rests on the shadow as it was at the first look, whatever it is later', async () => {
  const before = made(1);
  const stored = new Map([['lamp', before]]);
  const { transaction, operations } = begin(stored);
  expect(await transaction.get('lamp')).toMatchObject({ state: { reported: { value: 1 } } });
  expect(operations()).toEqual([]);
  stored.set('lamp', made(2));
  expect(await transaction.get('lamp')).toMatchObject({ state: { reported: { value: 1 } } });
  expect((await transaction.update('lamp', reported(3))).accepted).toMatchObject({
    version: 2,
    timestamp: 7,
  });
  expect(operations()).toMatchObject([
    { op: 'check', store: '$shadow', key: 'lamp', expected: before, time: 7000 },
    { op: 'put', store: '$shadow', key: 'lamp' },
  ]);
});

test('a shadow that is made and deleted again leaves nothing, and rests on that there was none', async () => {
  const { transaction, operations } = begin(new Map());
  await transaction.update('lamp', reported(1));
  expect((await transaction.delete('lamp', {})).accepted).toMatchObject({ exists: false, version: 2 });
  expect(await transaction.get('lamp')).toBeUndefined();
  expect(operations()).toEqual([
    { op: 'check', store: '$shadow', key: 'lamp', expected: null, time: 7000 },
    { op: 'remove', store: '$shadow', key: 'lamp' },
  ]);
});

test('what is refused changes nothing, says nothing, and rests on nothing', async () => {
  const { transaction, bodies, operations } = begin(new Map([['lamp', made(1)]]));
  const refused = [
    await transaction.update('lamp', { ...reported(2), version: 9 }),
    await transaction.update('lamp', { state: { reported: { text: 'x'.repeat(31 * 1024) } } }),
    await transaction.delete('door', {}),
  ];
  expect(refused.map(({ rejected }) => rejected?.code)).toEqual([409, 413, 404]);
  expect([bodies(), operations()]).toEqual([[], []]);
});

test('there are a hundred shadows at most, with those that the transaction makes', async () => {
  const stored = new Map(Array.from({ length: 98 }, (_, n) => [`s${n}`, made(n)] as const));
  const { transaction, operations } = begin(stored);
  const codes = [];
  for (const name of ['a', 'b', 'c', 'b', 's1'])
    codes.push((await transaction.update(name, reported(1))).rejected?.code);
  expect(codes).toEqual([undefined, undefined, 413, undefined, undefined]);
  expect(operations()).toHaveLength(6);
});

test('a request that cannot be read is answered with its token', async () => {
  const { transaction, bodies, operations } = begin(new Map());
  const ask = (verb: 'update' | 'get' | 'delete', body: string) =>
    transaction.answer({ name: 'lamp', verb }, Buffer.from(body));
  await ask('update', '{"state": 1, "clientToken": "a"}');
  await ask('get', '{"clientToken": "b"}');
  await ask('delete', '{');
  expect(bodies()).toMatchObject([
    ['shadow/lamp/update/rejected', { code: 400, clientToken: 'a', timestamp: 7 }],
    ['shadow/lamp/get/rejected', { code: 404, clientToken: 'b' }],
    ['shadow/lamp/delete/rejected', { code: 400 }],
  ]);
  expect(operations()).toEqual([]);
});
