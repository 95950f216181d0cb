import { expect, test } from '@jest/globals';
import { readSaid, type Said } from './entry.ts';

function said(heads: unknown, texts: unknown, bytes?: unknown): Said[] {
  const all: Said[] = [];
  readSaid(heads, texts, bytes, (one) => void all.push(one));
  return all;
}

test('what an isolate says is cut out of its texts, one after another', () => {
  const heads = JSON.stringify([
    ['log', 1, 0, 3, 0, 0],
    ['call', 2, 5, 3, 1, 4],
    ['done', 1, 0, 0, 2, 2],
  ]);
  const bytes = new Uint8Array([1, 2]);
  expect(said(heads, 'onetwofour', bytes)).toEqual([
    { op: 'log', invocation: 1, id: 0, text: 'one', payload: undefined },
    { op: 'call', invocation: 2, id: 5, text: 'two', payload: 'four' },
    { op: 'done', invocation: 1, id: 0, text: '', payload: bytes },
  ]);
});

test.each([
  ['a number that is none', '[["log",1,0,1,0,0],["log","1",0,1,0,0],["log",1,0,1,0,0]]'],
  ['a negative one', '[["log",1,0,1,0,0],["log",1,0,-1,0,0],["log",1,0,1,0,0]]'],
  ['a fraction', '[["log",1,0,1,0,0],["log",1,0.5,1,0,0],["log",1,0,1,0,0]]'],
  ['too few', '[["log",1,0,1,0,0],["log",1,0,1],["log",1,0,1,0,0]]'],
])('nonsense ends the reading, and what came before it counts: %s', (_, heads) => {
  expect(said(heads, 'abc').map(({ text }) => text)).toEqual(['a']);
});

test.each([
  [1, ''],
  ['[]', 1],
  ['{', ''],
  ['{}', ''],
  ['[1]', ''],
  [`["${'x'.repeat(2 ** 20)}"]`, ''],
])('what is no list of heads says nothing', (heads, texts) => {
  expect(said(heads, texts)).toEqual([]);
});
