import { describe, expect, test } from '@jest/globals';
import { commitEffects, MemoryState } from './memory-state.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);

function stateAt(start = 0) {
  const clock = { nowMs: start };
  return { clock, state: new MemoryState(() => clock.nowMs) };
}

describe('MemoryState', () => {
  test('an invocation reads its own writes, and others see them once it has succeeded', () => {
    const { state } = stateAt();
    const effects = state.begin();
    effects.kvPut('s', 'b', bytes('2'));
    effects.kvPut('s', 'a', bytes('1'));
    effects.publish({ topic: 't', payload: bytes('p'), qos: 1, retain: false });
    effects.queueSend('q', { body: bytes('m'), delayMs: 0 });
    expect(textOf(effects.kvGet('s', 'a'))).toBe('1');
    expect(effects.kvList('s', { prefix: '', limit: 10 })).toEqual(['a', 'b']);
    expect([state.keys('s'), state.published, state.queued]).toEqual([[], [], []]);
    expect(effects.commit()).toBe(true);
    expect(state.keys('s')).toEqual(['a', 'b']);
    expect(state.published).toHaveLength(1);
    expect(state.queued).toEqual([{ queue: 'q', body: bytes('m'), delayMs: 0 }]);
  });

  test('a deleted key is gone for the invocation at once', () => {
    const { state } = stateAt();
    state.set('s', 'a', { value: bytes('1'), expiresAt: undefined });
    const effects = state.begin();
    effects.kvDelete('s', 'a');
    expect(effects.kvGet('s', 'a')).toBeUndefined();
    expect(effects.kvList('s', { prefix: '', limit: 10 })).toEqual([]);
    expect(textOf(state.get('s', 'a'))).toBe('1');
  });

  test('shadows are changed by the invocations that succeed, each based on the last', () => {
    const { state } = stateAt(5000);
    const report = (n: number) => ({ state: { reported: { n } } });
    const [first, second] = [state.begin(), state.begin()];
    expect(second.shadowGet('lamp')).toBeUndefined();
    expect(first.shadowUpdate('lamp', report(1)).accepted).toMatchObject({ version: 1, timestamp: 5 });
    expect(first.shadowGet('lamp')).toMatchObject({ state: { reported: { n: 1 } } });
    expect(second.shadowUpdate('lamp', report(2)).accepted).toMatchObject({ version: 1 });
    expect([first.commit(), second.commit()]).toEqual([true, false]);
    const reader = state.begin();
    expect(reader.shadowGet('lamp')).toMatchObject({ state: { reported: { n: 1 } } });
    expect(reader.shadowDelete('lamp', { version: 2 }).rejected).toMatchObject({ code: 409 });
    expect(reader.shadowDelete('lamp', {}).accepted).toEqual({ version: 2, timestamp: 5 });
    expect(reader.shadowGet('lamp')).toBeUndefined();
  });

  test('there are a hundred shadows at most', () => {
    const { state } = stateAt();
    const effects = state.begin();
    const make = (n: number) => effects.shadowUpdate(`s${n}`, { state: {} });
    for (let n = 0; n < 100; n++) expect(make(n).rejected).toBeUndefined();
    expect(make(100).rejected).toMatchObject({ code: 413 });
    expect(make(99).rejected).toBeUndefined();
    expect(effects.commit()).toBe(true);
    expect(state.begin().shadowUpdate('other', { state: {} }).rejected).toMatchObject({ code: 413 });
  });

  test('a value is there until the moment it expires', () => {
    const { clock, state } = stateAt(1000);
    const effects = state.begin();
    effects.kvPut('s', 'a', bytes('1'), { expiresAt: 2000 });
    effects.commit();
    clock.nowMs = 1999;
    expect(state.keys('s')).toEqual(['a']);
    clock.nowMs = 2000;
    expect([state.get('s', 'a'), state.keys('s')]).toEqual([undefined, []]);
    expect(state.begin().kvList('s', { prefix: '', limit: 10 })).toEqual([]);
  });

  test('keys come in the order of their UTF-8 bytes', () => {
    const { state } = stateAt();
    // In UTF-16 the surrogates of the emoji sort before U+FF61.
    for (const key of ['｡', '😀', 'a']) state.set('s', key, { value: bytes(''), expiresAt: undefined });
    expect(state.keys('s')).toEqual(['a', '｡', '😀']);
  });

  test('a put that expects another value does nothing and says so', () => {
    const { state } = stateAt();
    const effects = state.begin();
    expect(effects.kvPut('s', 'a', bytes('1'), { expected: bytes('0') })).toBe(false);
    expect(effects.kvPut('s', 'a', bytes('1'), { expected: null })).toBe(true);
    expect(effects.kvPut('s', 'a', bytes('2'), { expected: null })).toBe(false);
    expect(effects.kvPut('s', 'a', bytes('2'), { expected: bytes('1') })).toBe(true);
    expect(effects.commit()).toBe(true);
    expect(textOf(state.get('s', 'a'))).toBe('2');
  });

  test('an invocation whose expectation was overtaken runs again, so that every increment counts', async () => {
    const { state } = stateAt();
    const increment = () =>
      commitEffects(state, async (effects) => {
        const before = effects.kvGet('s', 'n');
        await Promise.resolve();
        const next = bytes(String(Number(textOf(before) ?? '0') + 1));
        effects.kvPut('s', 'n', next, { expected: before ?? null });
      });
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(textOf(state.get('s', 'n'))).toBe('20');
  });
});
