import { describe, expect, test } from '@jest/globals';
import { compileExcludes } from './exclude-patterns.ts';

/** Which of `paths` are left out; a slash at the end says that it is a folder. What git's `check-ignore` says was written down here. */
function excluded(patterns: string[], paths: string[]): string[] {
  const excludes = compileExcludes(patterns);
  return paths.filter((path) => excludes?.(path.replace(/\/$/, ''), path.endsWith('/')) ?? false);
}

describe('excluding', () => {
  test.each([
    [['*.tmp'], ['a.tmp', 'deep/er/b.tmp', 'a.tmpx', 'tmp'], ['a.tmp', 'deep/er/b.tmp']],
    [['/cache'], ['cache', 'cache/', 'deep/cache'], ['cache', 'cache/']],
    [['cache/'], ['cache', 'cache/', 'deep/cache/'], ['cache/', 'deep/cache/']],
    [['a/b'], ['a/b', 'x/a/b'], ['a/b']],
    [['**/b'], ['b', 'a/b', 'x/a/b', 'xb'], ['b', 'a/b', 'x/a/b']],
    [['a/**'], ['a/', 'a/b', 'a/b/c'], ['a/b', 'a/b/c']],
    [['a/**/z'], ['a/z', 'a/b/z', 'a/b/c/z', 'ab/z'], ['a/z', 'a/b/z', 'a/b/c/z']],
    [
      ['a?c', '[x-z]1', '[!x-z]2'],
      ['abc', 'a/c', 'y1', 'a1', 'y2', 'a2'],
      ['abc', 'y1', 'a2'],
    ],
    [['*.log', '!keep.log'], ['a.log', 'keep.log', 'd/keep.log'], ['a.log']],
    [
      ['# note', '', String.raw`\#real`, String.raw`\!real`],
      ['# note', '#real', '!real'],
      ['#real', '!real'],
    ],
    [
      ['trail  ', String.raw`space\ `],
      ['trail', 'trail  ', 'space '],
      ['trail', 'space '],
    ],
    [
      ['a.b', 'c+(d)', '$'],
      ['a.b', 'aXb', 'c+(d)', '$', 'ccd'],
      ['a.b', 'c+(d)', '$'],
    ],
    [
      ['[]]', '[a^]x'],
      [']', '^x', 'ax', 'bx'],
      [']', '^x', 'ax'],
    ],
    [['foo**bar'], ['fooxbar', 'foo/bar', 'foobar'], ['fooxbar', 'foobar']],
    [['*'], ['line\nbreak', 'sub/', '.hidden'], ['line\nbreak', 'sub/', '.hidden']],
  ])('%j takes out of %j: %j', (patterns, paths, expected) => {
    expect(excluded(patterns, paths)).toEqual(expected);
  });

  test('is nothing to ask where there is no pattern', () => {
    expect(compileExcludes(['', '# only a comment'])).toBeUndefined();
  });

  test('refuses more patterns, and longer ones, than anyone writes', () => {
    expect(() => compileExcludes(Array.from({ length: 1_001 }, () => 'a'))).toThrow('1001');
    expect(() => compileExcludes(['a'.repeat(1_025)])).toThrow('1025');
  });
});
