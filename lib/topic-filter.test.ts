import { describe, expect, test } from '@jest/globals';
import { filterCovers, topicMatches } from './topic-filter.ts';

describe('topicMatches', () => {
  test.each([
    ['a/b/c', 'a/b/c'],
    ['a/+/c', 'a/b/c'],
    ['a/+', 'a/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['a/#', 'a'],
    ['a/#', 'a/b/c'],
    ['#', 'a/b'],
    ['#', ''],
    ['$SYS/#', '$SYS/broker/load'],
  ])('%s selects %s', (filter, topic) => expect(topicMatches(filter, topic)).toBe(true));

  test.each([
    ['a/b', 'a/b/c'],
    ['a/b/c', 'a/b'],
    ['a/+', 'a'],
    ['+', '/finance'],
    ['a/#', 'ab'],
    ['A', 'a'],
    ['#', '$SYS/broker/load'],
    ['+/monitor', '$SYS/monitor'],
    ['$SYS/#', 'SYS/a'],
  ])('%s does not select %s', (filter, topic) => expect(topicMatches(filter, topic)).toBe(false));
});

describe('filterCovers', () => {
  test.each([
    ['a/#', 'a/#'],
    ['a/#', 'a/+/c'],
    ['a/#', 'a'],
    ['a/+', 'a/+'],
    ['a/+', 'a/b'],
    ['#', 'a/#'],
  ])('%s covers %s', (granted, requested) => expect(filterCovers(granted, requested)).toBe(true));

  test.each([
    ['a/+', 'a/#'],
    ['a/b', 'a/+'],
    ['a/+/c', 'a/#'],
    ['a/+', '#'],
    ['#', '$SYS/#'],
    ['a/b/#', 'a/#'],
    ['a/+/+', 'a/+'],
  ])('%s does not cover %s', (granted, requested) => expect(filterCovers(granted, requested)).toBe(false));

  test('a subscription that is covered never yields a topic outside of the grant', () => {
    const parts = ['a', 'b', '+'];
    const filters = parts.flatMap((one) => [one, `${one}/#`, ...parts.map((two) => `${one}/${two}`)]);
    const topics = ['a', 'b', 'a/a', 'a/b', 'b/a', 'b/b', 'a/a/a', 'c', 'c/a'];
    for (const granted of filters)
      for (const requested of filters.filter((filter) => filterCovers(granted, filter)))
        for (const topic of topics.filter((candidate) => topicMatches(requested, candidate)))
          expect(`${granted} ${topicMatches(granted, topic) ? 'holds' : 'misses'} ${topic}`).toBe(
            `${granted} holds ${topic}`,
          );
  });
});
