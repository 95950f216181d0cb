import { describe, expect, test } from '@jest/globals';
import type { Identity } from '../identity.ts';
import { connectRefusal, maySubscribe, publishRight } from './broker-rules.ts';

const device: Identity = { kind: 'device', tenant: 'default', device: 'a', serial: '01' };
const operator: Identity = { kind: 'operator', name: 'admin' };
const nobody: Identity = { kind: 'anonymous' };

describe('a device', () => {
  test('connects under its own name only', () => {
    expect(connectRefusal(device, 'a')).toBeUndefined();
    for (const id of ['b', '', 'A', 'a/', '__proto__']) {
      expect(connectRefusal(device, id)).toMatchObject({ returnCode: 2 });
    }
  });

  test.each(['online', 'reported', 'relay', 'cmd/1f/status'])('may say %s', (tail) => {
    expect(publishRight(device, `hf/v1/default/a/${tail}`)).toBeDefined();
  });

  test.each([
    'hf/v1/default/b/online',
    'hf/v1/other/a/online',
    'hf/v1/default/a/desired',
    'hf/v1/default/a/reported/ack',
    'hf/v1/default/a/cmd/1',
    'hf/v1/default/a/cmd/../status',
    'hf/v1/default/a',
    'hf/v1/default/a/online/',
    't/default/a/x',
    '$SYS/x',
    '',
  ])('may not say %s', (topic) => {
    expect(publishRight(device, topic)).toBeUndefined();
  });

  test('hears only what is said to it', () => {
    expect(maySubscribe(device, 'hf/v1/default/a/desired')).toBe(true);
    expect(maySubscribe(device, 'hf/v1/default/a/cmd/+')).toBe(true);
    for (const filter of ['#', 'hf/#', 'hf/v1/default/+/desired', 'hf/v1/default/b/#', 't/#', '$SYS/#']) {
      expect(maySubscribe(device, filter)).toBe(false);
    }
  });
});

describe('an operator', () => {
  test('hears the fleet and says nothing', () => {
    expect(connectRefusal(operator, 'anything')).toBeUndefined();
    expect(maySubscribe(operator, 't/#')).toBe(true);
    expect(maySubscribe(operator, 'hf/v1/default/+/reported')).toBe(true);
    for (const filter of ['#', '$SYS/#', '+/x']) expect(maySubscribe(operator, filter)).toBe(false);
    expect(publishRight(operator, 'hf/v1/default/a/desired')).toBeUndefined();
  });
});

test('nobody else connects, hears or says anything', () => {
  expect(connectRefusal(nobody, 'a')).toMatchObject({ returnCode: 4 });
  expect(connectRefusal({ kind: 'refused', reason: 'revoked' }, 'a')).toMatchObject({ returnCode: 5 });
  for (const identity of [nobody, undefined]) {
    expect(maySubscribe(identity, 't/#')).toBe(false);
    expect(publishRight(identity, 'hf/v1/default/a/online')).toBeUndefined();
  }
});
