import { expect, test } from '@jest/globals';
import { rememberMatches, type Matcher } from './remembered-matches.ts';

/** Filters without wildcards; counts how often somebody searches. */
class PlainMatcher implements Matcher<string> {
  readonly #listeners: { readonly filter: string; readonly listener: string }[] = [];
  searches = 0;

  add(filter: string, listener: string): void {
    this.#listeners.push({ filter, listener });
  }
  remove(filter: string, listener?: string): void {
    const at = this.#listeners.findIndex((one) => one.filter === filter && one.listener === listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }
  match(topic: string): string[] {
    this.searches++;
    return this.#listeners.filter(({ filter }) => filter === topic).map(({ listener }) => listener);
  }
}

function remembering(): PlainMatcher {
  const matcher = new PlainMatcher();
  rememberMatches(matcher);
  return matcher;
}

test('the listeners of a topic are searched once', () => {
  const matcher = remembering();
  matcher.add('a', 'one');
  expect([matcher.match('a'), matcher.match('a'), matcher.match('b'), matcher.match('b')]).toEqual([
    ['one'],
    ['one'],
    [],
    [],
  ]);
  expect(matcher.searches).toBe(2);
});

test('who subscribes hears the next message, who unsubscribes does not', () => {
  const matcher = remembering();
  expect(matcher.match('a')).toEqual([]);
  matcher.add('a', 'one');
  expect(matcher.match('a')).toEqual(['one']);
  matcher.add('a', 'two');
  matcher.remove('a', 'one');
  expect(matcher.match('a')).toEqual(['two']);
});

test('topics without end and topics with many listeners are not all remembered', () => {
  const matcher = remembering();
  for (let topic = 0; topic <= 1000; topic++) matcher.match(String(topic));
  matcher.match('0');
  expect(matcher.searches).toBe(1002);
  for (let listener = 0; listener < 100; listener++) matcher.add('wide', String(listener));
  const before = matcher.searches;
  matcher.match('wide');
  expect(matcher.match('wide')).toHaveLength(100);
  expect(matcher.searches).toBe(before + 2);
});
