import { expect, test } from '@jest/globals';
import { nameSchema, topicFilterSchema, topicPrefixSchema } from './primitives.ts';
import { isTopicFilter, isWord, nameWord, topicPrefixWord } from './words.ts';

const kinds = {
  name: { is: (text: string) => isWord(nameWord, text), schema: nameSchema },
  'topic filter': { is: isTopicFilter, schema: topicFilterSchema },
  'topic prefix': { is: (text: string) => isWord(topicPrefixWord, text), schema: topicPrefixSchema },
};

const texts = [
  '',
  'a',
  'a-b',
  '-a',
  'A',
  'a/+/#',
  'a/#/b',
  '#',
  '$SYS/a',
  'a\0',
  'site/',
  'constructor',
].concat(
  ['a', '\u{1f600}', 'a/'].flatMap((part) =>
    [31, 33, 63, 64, 512, 513, 1024, 1025].map((n) => part.repeat(n)),
  ),
);

test.each(Object.entries(kinds))(
  'a %s is one on the command line where it is one in a manifest',
  (_kind, { is, schema }) => {
    expect(texts.filter(is)).toEqual(texts.filter((text) => schema.safeParse(text).success));
  },
);
