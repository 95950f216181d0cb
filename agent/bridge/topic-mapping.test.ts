import { expect, test } from '@jest/globals';
import { mapTopic } from './topic-mapping.ts';

test.each([
  ['site/a', { strip: '', topic: '{topic}' }, 'site/a'],
  ['site/a', { strip: 'site/', topic: 'plants/{device}/{topic}' }, 'plants/press-1/a'],
  ['other/a', { strip: 'site/', topic: 'x/{topic}' }, 'x/other/a'],
  ['site/$&{device}', { strip: 'site/', topic: '{topic}/{topic}' }, undefined],
  ['a/{device}', { strip: '', topic: 'x/{topic}' }, 'x/a/{device}'],
  ['site/a', { strip: 'site/a', topic: '{topic}' }, undefined],
  ['x/$SYS/a', { strip: 'x/', topic: '{topic}' }, undefined],
  ['a/+', { strip: '', topic: '{topic}' }, undefined],
  ['a', { strip: '', topic: `${'x'.repeat(1024)}{topic}` }, undefined],
  [Array(33).fill('a').join('/'), { strip: '', topic: '{topic}' }, undefined],
])('%s by %j becomes %s', (topic, mapping, mapped) => {
  expect(mapTopic(topic, mapping, 'press-1')).toBe(mapped);
});
