import { expect, test } from '@jest/globals';
import { Credentials } from './credentials.ts';

function verifier() {
  const calls: PromiseWithResolvers<boolean>[] = [];
  const credentials = new Credentials(() => {
    const call = Promise.withResolvers<boolean>();
    calls.push(call);
    return call.promise;
  });
  return { calls, credentials };
}
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test('a password that was right once is not hashed again; a wrong one is', async () => {
  const { calls, credentials } = verifier();
  const first = credentials.check('hash', 'right');
  await settle();
  calls[0]?.resolve(true);
  expect(await first).toBe('accepted');
  expect(await credentials.check('hash', 'right')).toBe('accepted');
  expect(calls.length).toBe(1);
  const wrong = credentials.check('hash', 'wrong');
  await settle();
  calls[1]?.resolve(false);
  expect(await wrong).toBe('refused');
});

test('a password of one client is not remembered for another', async () => {
  const { calls, credentials } = verifier();
  const first = credentials.check('hash', 'right');
  await settle();
  calls[0]?.resolve(true);
  await first;
  void credentials.check('other hash', 'right');
  await settle();
  expect(calls.length).toBe(2);
});

test('two are hashed at once, others wait their turn, and too many are told so', async () => {
  const { calls, credentials } = verifier();
  const checks = Array.from({ length: 258 }, (_, index) => credentials.check('hash', String(index)));
  expect(await credentials.check('hash', 'one more')).toBe('busy');
  expect(calls.length).toBe(2);
  await settle();
  calls[0]?.resolve(false);
  await settle();
  expect(calls.length).toBe(3);
  for (let i = 0; i < 258; i++) {
    calls[i]?.resolve(false);
    await settle();
  }
  expect(new Set(await Promise.all(checks))).toEqual(new Set(['refused']));
});

test('a verification that fails lets the next one in', async () => {
  const { calls, credentials } = verifier();
  const checks = ['a', 'b', 'c'].map((password) => credentials.check('hash', password));
  await settle();
  calls[0]?.reject(new Error('no memory'));
  await expect(checks[0]).rejects.toThrow('no memory');
  await settle();
  expect(calls.length).toBe(3);
});
