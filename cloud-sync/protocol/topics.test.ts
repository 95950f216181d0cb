import { expect, test } from '@jest/globals';
import { deviceTopics, parseUpTopic } from './topics.ts';

const address = { tenant: 'default', device: 'a' };
const { prefix } = deviceTopics(address);

test.each([
  ['shadow/settings/update', { kind: 'shadow', verb: 'update', name: 'settings' }],
  ['shadow/a:b_c-1/get', { kind: 'shadow', verb: 'get', name: 'a:b_c-1' }],
  ['shadow/list/delete', { kind: 'shadow', verb: 'delete', name: 'list' }],
  ['shadow/list', { kind: 'shadow', verb: 'list' }],
  ['cmd/1f/status', { kind: 'commandStatus', id: '1f' }],
  ['relay', { kind: 'relay' }],
])('a device may speak on %s', (tail, up) => {
  expect(parseUpTopic(address, `${prefix}/${tail}`)).toEqual(up);
});

test.each([
  'shadow/settings/update/accepted',
  'shadow/settings/update/',
  'shadow/settings',
  'shadow//update',
  `shadow/${'x'.repeat(65)}/update`,
  'shadow/a b/get',
  'shadow/../update',
  'shadow/list/accepted',
])('no device may speak on %s', (tail) => {
  expect(parseUpTopic(address, `${prefix}/${tail}`)).toBeUndefined();
});
