import { expect, test } from '@jest/globals';
import { limits, nobody } from '../protocol.ts';
import { makeCalls } from './calls.ts';
import { newInvocation } from './new-invocation.ts';
import { takeSafe } from './safe.ts';

const invocation = () => newInvocation({ id: 7, label: 'x', deadline: 0, isRequest: false });

/** `numbers`: of the calls that were sent, in order. */
function world() {
  const numbers: number[] = [];
  const calls = makeCalls(takeSafe(), (_op, _invocation, id) => void numbers.push(id), limits);
  let owner = invocation();
  const publish = (topic: string, payload = 'x') => calls.tell(owner, 'OUT', 'publish', { topic }, payload);
  return {
    ...{ calls, numbers, publish },
    begin: () => void (owner = invocation()),
    end: () => void (owner.ended = true),
    grant: (id: number) => calls.reply(id, { ok: true }, undefined),
    refuse: (id: number) => calls.reply(id, { ok: false, code: 'denied', message: 'no' }, undefined),
  };
}

test('what was granted word for word is told at once, also by later invocations', async () => {
  const { publish, grant, begin, numbers } = world();
  const first = publish('a');
  grant(1);
  await first;
  await publish('a', 'another payload');
  begin();
  await publish('a');
  void publish('b').catch(() => 0);
  expect(numbers).toEqual([1, nobody, nobody, 2]);
});

test('what was refused waits for its answer every time', async () => {
  const { publish, refuse, numbers } = world();
  for (const id of [1, 2]) {
    const refused = expect(publish('a')).rejects.toMatchObject({ code: 'denied' });
    refuse(id);
    await refused;
  }
  expect(numbers).toEqual([1, 2]);
});

test('beyond the share of an invocation a call goes at the pace of the agent', async () => {
  const { publish, grant, begin, numbers } = world();
  const first = publish('a');
  grant(1);
  await first;
  for (let n = 0; n < limits.toldCalls; n++) await publish('a');
  void publish('a').catch(() => 0);
  expect(numbers.slice(-2)).toEqual([nobody, 2]);
  begin();
  await publish('a', 'x'.repeat(limits.toldChars));
  void publish('a').catch(() => 0);
  expect(numbers.slice(-2)).toEqual([nobody, 3]);
});

test('an invocation that has ended tells nothing more, whatever was granted', async () => {
  const { publish, grant, end, numbers } = world();
  const first = publish('a');
  grant(1);
  await first;
  end();
  await expect(publish('a')).rejects.toThrow('this invocation has ended');
  expect(numbers).toEqual([1]);
});

test('calls that were told count among those of the invocation', async () => {
  const { calls, numbers } = world();
  const owner = { ...invocation(), calls: limits.calls - 2 };
  const publish = () => calls.tell(owner, 'OUT', 'publish', {}, '');
  const first = publish();
  calls.reply(1, { ok: true }, undefined);
  await first;
  await publish();
  await expect(publish()).rejects.toThrow(`more than ${limits.calls} calls`);
  expect(numbers).toEqual([1, nobody]);
});
