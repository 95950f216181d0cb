import { expect, test } from '@jest/globals';
import { topicMatches } from '../../lib/topic-filter.ts';
import { SubscriptionTree } from './subscription-tree.ts';

const filters = [
  '#',
  '+',
  'a',
  'a/#',
  'a/+',
  '+/b',
  'a/b',
  'a//b',
  '/',
  '+/+',
  'a/b/#',
  '$x/#',
  '$x',
  '+/+/#',
];
const topics = ['a', 'a/b', 'a/b/c', 'a//b', '/', '', 'b', '/b', '$x', '$x/a', '$x/a/b', 'a/', 'c/d/e/f'];

test('finds for every topic the filters that select it', () => {
  const tree = new SubscriptionTree();
  for (const filter of filters) tree.add(filter, filter, 1);
  for (const topic of topics) {
    const wanted = filters.filter((filter) => topicMatches(filter, topic)).sort();
    expect([topic, [...tree.match(topic).keys()].sort()]).toEqual([topic, wanted]);
  }
});

test('of several subscriptions of one subscriber the highest QoS counts', () => {
  const tree = new SubscriptionTree();
  tree.add('a/b', 'x', 1);
  tree.add('a/#', 'x', 2);
  tree.add('#', 'x', 0);
  tree.add('+/b', 'y', 0);
  expect(tree.match('a/b')).toEqual(
    new Map([
      ['x', 2],
      ['y', 0],
    ]),
  );
  tree.remove('a/#', 'x');
  expect(tree.match('a/b').get('x')).toBe(1);
});

test('a subscription that is replaced or removed leaves nothing behind', () => {
  const tree = new SubscriptionTree();
  tree.add('a/b', 'x', 1);
  tree.add('a/b', 'x', 2);
  expect(tree.size).toBe(1);
  tree.remove('a/b', 'y');
  tree.remove('a', 'x');
  tree.remove('a/b/c', 'x');
  expect(tree.match('a/b').get('x')).toBe(2);
  tree.remove('a/b', 'x');
  expect([tree.size, tree.match('a/b').size]).toEqual([0, 0]);
});
