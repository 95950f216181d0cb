import { expect, test } from '@jest/globals';
import { machineSchema } from '../../manifests/machine.ts';
import { Routes } from './routes.ts';

const bundle = `r.example.com/a/b@sha256:${'a'.repeat(64)}`;
const routes = new Routes(
  machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    streams: { all: { topics: ['#'] }, site: { topics: ['site/#', 'site/a'] } },
    functions: {
      one: { bundle, on: [{ mqtt: 'site/+' }, { mqtt: 'site/#' }, { cron: '* * * * *' }] },
      two: { bundle, on: [{ mqtt: 'other' }], limits: { queue: 7 } },
    },
  }),
);

test('a topic goes to every stream and function that wants it, once each', () => {
  for (let repetition = 0; repetition < 2; repetition++) {
    expect(routes.of('site/a')).toEqual({ streams: ['all', 'site'], functions: ['one'] });
    expect(routes.of('other')).toEqual({ streams: ['all'], functions: ['two'] });
  }
});

test('the capacity of a queue is the one of the manifest', () => {
  expect([routes.capacity('one'), routes.capacity('two'), routes.capacity('none')]).toEqual([1000, 7, 0]);
});

test('a client that uses ever new topics does not make the memory grow for ever', () => {
  for (let index = 0; index < 25_000; index++) routes.of(`t/${index}`);
  expect(routes.of('t/1').streams).toEqual(['all']);
});
