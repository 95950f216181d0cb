import { describe, expect, test } from '@jest/globals';
import { Headers as Ours, sealedHeaders } from './headers.ts';

const tag = (value: object) => Object.prototype.toString.call(value);

const native = globalThis.Headers;

describe('Headers', () => {
  test.each<[string, (headers: Headers) => unknown]>([
    ['append combines', (h) => (h.append('A', '1'), h.append('a', ' 2 '), [...h])],
    ['set replaces', (h) => (h.append('a', '1'), h.set('A', '2'), h.get('a'))],
    ['delete', (h) => (h.set('a', '1'), h.delete('A'), [h.has('a'), h.get('a')])],
    ['sorted', (h) => (['x-z', 'b', 'A', 'x-a'].forEach((name) => h.set(name, name)), [...h.keys()])],
    [
      'cookies apart',
      (h) => (
        ['a=1', 'b=2'].forEach((cookie) => h.append('Set-Cookie', cookie)),
        [h.getSetCookie(), [...h], h.get('set-cookie')]
      ),
    ],
    ['set of set-cookie', (h) => (h.append('set-cookie', 'a'), h.set('set-cookie', 'b'), h.getSetCookie())],
    ['an empty value', (h) => (h.set('a', ''), [...h])],
    [
      'forEach',
      (h) => {
        const seen: unknown[] = [];
        h.set('a', '1');
        h.forEach((value, name) => seen.push([name, value]));
        return seen;
      },
    ],
    [
      'changed while iterating',
      (h) => {
        h.set('a', '1');
        h.set('c', '3');
        const seen: string[] = [];
        for (const [name] of h) {
          seen.push(name);
          if (name === 'a') h.set('b', '2');
        }
        return seen;
      },
    ],
    ['its look', (h) => [tag(h), typeof h[Symbol.iterator]]],
  ])('does as the platform does: %s', (_what, use) => {
    expect(use(new Ours() as unknown as Headers)).toEqual(use(new native()));
  });

  test.each<[string, () => unknown]>([
    [
      'pairs',
      () => [
        ['b', '1'],
        ['a', '2'],
      ],
    ],
    ['a record', () => ({ B: '1', a: '2' })],
    ['other headers', () => new Ours({ x: 'y' })],
  ])('is made of %s', (_what, init) => {
    const plain = init() instanceof Ours ? [...(init() as Ours)] : init();
    expect([...new Ours(init() as never)]).toEqual([...new native(plain as never)]);
  });

  test.each<[string, (Type: typeof Headers) => unknown]>([
    ['a bad name', (Type) => new Type([['a b', '1']])],
    ['a line break', (Type) => new Type({ a: 'x\r\ny: z' })],
    ['NUL', (Type) => new Type({ a: 'x\0' })],
    ['a character beyond Latin-1', (Type) => new Type({ a: '€' })],
    ['a pair of three', (Type) => new Type([['a', 'b', 'c']] as never)],
    ['null', (Type) => new Type(null as never)],
    ['a name of get', (Type) => new Type().get('')],
  ])('refuses as the platform does: %s', (_what, use) => {
    const thrown = [native, Ours as never].map((Type) => {
      try {
        return use(Type);
      } catch (error) {
        return (error as Error).name;
      }
    });
    expect(thrown).toEqual(['TypeError', 'TypeError']);
  });

  test('those that came over the network cannot be changed, a copy can', () => {
    const headers = sealedHeaders([['A', '1']]);
    expect(() => headers.set('a', '2')).toThrow(/immutable/);
    expect(() => headers.append('b', '2')).toThrow(TypeError);
    expect(() => headers.delete('a')).toThrow(TypeError);
    const copy = new Ours(headers);
    copy.set('a', '2');
    expect([headers.get('a'), copy.get('a')]).toEqual(['1', '2']);
  });
});
