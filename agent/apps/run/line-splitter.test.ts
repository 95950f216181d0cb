import { expect, test } from '@jest/globals';
import { lineMaxBytes, LineSplitter } from './line-splitter.ts';

function linesOf(...chunks: string[]): { lines: string[]; splitter: LineSplitter } {
  const lines: string[] = [];
  const splitter = new LineSplitter((text) => lines.push(text));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  return { lines, splitter };
}

test('lines are the same however their bytes come', () => {
  const text = 'one\ntwö\r\n\nthree\n';
  const whole = linesOf(text).lines;
  expect(whole).toEqual(['one', 'twö', '', 'three']);
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const byte of Buffer.from(text)) splitter.push(Buffer.of(byte));
  expect(lines).toEqual(whole);
});

test('a line without an end is pending until the end', () => {
  const { lines, splitter } = linesOf('one\nha', 'lf');
  expect(lines).toEqual(['one']);
  expect(splitter.pendingBytes).toBe(4);
  splitter.end();
  expect(lines).toEqual(['one', 'half']);
  expect(splitter.pendingBytes).toBe(0);
});

test('a long line is cut once, and what follows is whole', () => {
  const long = 'x'.repeat(lineMaxBytes);
  expect(linesOf(`${long}\nnext\n`).lines).toEqual([long, 'next']);
  const { lines, splitter } = linesOf(long, 'y', 'z'.repeat(100_000), 'end\nnext\n');
  expect(lines).toEqual([long, 'next']);
  expect(splitter.pendingBytes).toBe(0);
});
