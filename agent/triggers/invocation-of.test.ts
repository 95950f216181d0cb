import { expect, test } from '@jest/globals';
import { invocationOf, rememberTimeText } from './invocation-of.ts';
import type { Slot } from './window.ts';

function slotAt(time: number, kind: 'message' | 'queue'): Slot {
  const payload = Buffer.from('x');
  const event = {
    id: time,
    function: 'f',
    kind,
    topic: 't',
    payload,
    time,
    hops: 0,
    attempts: 0,
    notBefore: 0,
  };
  return { event, attempts: 0, innocentFailures: 0, notBefore: 0, since: 0 };
}

test('every event says when it came, whenever those before it did', () => {
  const timeText = rememberTimeText();
  const times = [0, 0, 5, 0].map((time) => invocationOf([slotAt(time, 'message')], timeText));
  const [first, later] = ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.005Z'];
  expect(times).toMatchObject([{ time: first }, { time: first }, { time: later }, { time: first }]);
});

test('so does every message of a batch', () => {
  const [first, second] = [slotAt(7, 'queue'), slotAt(8, 'queue')];
  expect(invocationOf([first, second], rememberTimeText())).toMatchObject({
    messages: [{ time: '1970-01-01T00:00:00.007Z' }, { time: '1970-01-01T00:00:00.008Z' }],
  });
});
