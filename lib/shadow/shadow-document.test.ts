import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from './json.ts';
import { deltaOf, diff, merge, without } from './merge.ts';
import { absentShadow, applyPatch, deleted, deltaOfShadow, type SectionsPatch } from './shadow-document.ts';
import { acceptedMessage, documentMessage } from './shadow-messages.ts';

describe('an update', () => {
  test.each<[string, JsonObject, JsonObject, JsonObject]>([
    ['adds what is new', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['touches only what it names', { light: { r: 1, g: 2 } }, { light: { g: 3 } }, { light: { r: 1, g: 3 } }],
    ['takes a key away by null', { a: 1, b: 2 }, { a: null }, { b: 2 }],
    ['takes an inner key away by null', { a: { x: 1, y: 2 } }, { a: { x: null } }, { a: { y: 2 } }],
    ['takes away what is not there', { a: 1 }, { z: null, y: { z: null } }, { a: 1, y: {} }],
    ['replaces an array whole', { colors: ['r', 'g', 'b'] }, { colors: ['r'] }, { colors: ['r'] }],
    ['replaces a value by an object', { a: 1 }, { a: { x: 1 } }, { a: { x: 1 } }],
    ['replaces an array by an object', { a: [1, 2] }, { a: { x: 1 } }, { a: { x: 1 } }],
    ['replaces an object by a value', { a: { x: 1 } }, { a: 2 }, { a: 2 }],
    ['keeps an object that became empty', { a: { x: 1 } }, { a: { x: null } }, { a: {} }],
    ['keeps objects in arrays as they are', {}, { a: [{ x: 1 }] }, { a: [{ x: 1 }] }],
  ])('%s', (_what, before, patch, after) => {
    expect(merge(before, patch)).toEqual(after);
    expect(merge(before, diff(before, after) ?? {})).toEqual(after);
  });

  test('says when each value was set, elements of arrays too', () => {
    const first = applyPatch(absentShadow, { reported: { a: 1, b: { c: 2, d: [1, { e: 2 }] } } }, 10);
    const second = applyPatch(first, { reported: { b: { c: 3 } } }, 20);
    expect(second.metadata).toEqual({
      reported: {
        a: { timestamp: 10 },
        b: { c: { timestamp: 20 }, d: [{ timestamp: 10 }, { e: { timestamp: 10 } }] },
      },
    });
    expect(applyPatch(second, { reported: { b: 1 } }, 30).metadata.reported?.b).toEqual({ timestamp: 30 });
    const back = applyPatch(
      applyPatch(second, { reported: { b: 1 } }, 30),
      { reported: { b: { f: 1 } } },
      40,
    );
    expect(back.metadata.reported?.b).toEqual({ f: { timestamp: 40 } });
  });

  test('of a value that had the name of a timestamp is not mixed up with one', () => {
    const first = applyPatch(absentShadow, { reported: { a: 1 } }, 10);
    const second = applyPatch(first, { reported: { a: { x: 1 } } }, 20);
    expect(second.metadata.reported).toEqual({ a: { x: { timestamp: 20 } } });
  });

  test('takes a section away by null, and leaves no empty ones', () => {
    const both = applyPatch(absentShadow, { desired: { a: 1 }, reported: { a: 1 } }, 10);
    expect(applyPatch(both, { desired: null }, 20)).toEqual({
      exists: true,
      version: 2,
      timestamp: 20,
      state: { reported: { a: 1 } },
      metadata: { reported: { a: { timestamp: 10 } } },
    });
    expect(applyPatch(both, { desired: { a: null } }, 20).state).toEqual({ reported: { a: 1 } });
  });

  test('is answered with what it set', () => {
    const request = { state: { desired: { a: 1, b: null } }, clientToken: 't' };
    expect(acceptedMessage(request, applyPatch(absentShadow, request.state, 10))).toEqual({
      state: { desired: { a: 1, b: null } },
      metadata: { desired: { a: { timestamp: 10 } } },
      version: 1,
      timestamp: 10,
      clientToken: 't',
    });
  });
});

describe('the delta', () => {
  test.each<[string, JsonObject, JsonObject, JsonObject | undefined]>([
    ['holds what differs', { color: 'red', on: true }, { color: 'blue', on: true }, { color: 'red' }],
    ['holds what is not reported', { color: 'red' }, {}, { color: 'red' }],
    ['leaves out what only is reported', { a: 1 }, { a: 1, b: 2 }, undefined],
    [
      'goes into objects',
      { lights: { color: { r: 255, g: 255, b: 255 } } },
      { lights: { color: { r: 255, g: 0, b: 255 } } },
      { lights: { color: { g: 255 } } },
    ],
    ['holds arrays whole', { colors: ['r', 'g', 'b'] }, { colors: ['r', 'g'] }, { colors: ['r', 'g', 'b'] }],
    ['is none when arrays are equal', { colors: ['r', 'g'] }, { colors: ['r', 'g'] }, undefined],
    ['tells types apart', { a: 1 }, { a: '1' }, { a: 1 }],
    ['holds an object that is wanted for a value', { a: { x: 1 } }, { a: 1 }, { a: { x: 1 } }],
  ])('%s', (_what, desired, reported, delta) => {
    expect(deltaOf(desired, reported)).toEqual(delta);
  });

  test('comes with the times of what is desired', () => {
    const first = applyPatch(absentShadow, { desired: { a: { x: 1, y: 2 }, b: 1 } }, 10);
    const second = applyPatch(first, { desired: { a: { x: 3 } }, reported: { a: { x: 1, y: 2 }, b: 1 } }, 20);
    expect(deltaOfShadow(second)).toEqual({
      state: { a: { x: 3 } },
      metadata: { a: { x: { timestamp: 20 } } },
    });
    expect(documentMessage(second).state.delta).toEqual({ a: { x: 3 } });
  });
});

test('a shadow that was deleted goes on with its version', () => {
  const first = applyPatch(absentShadow, { desired: { a: 1 } }, 10);
  const gone = deleted(applyPatch(first, { desired: { a: 2 } }, 20), 30);
  expect(gone).toMatchObject({ exists: false, version: 3, state: {} });
  expect(applyPatch(gone, { reported: { b: 1 } }, 40)).toMatchObject({
    exists: true,
    version: 4,
    state: { reported: { b: 1 } },
  });
});

describe('two patches', () => {
  test.each<[JsonObject, JsonObject, JsonObject | undefined]>([
    [{ a: 1, b: 2 }, { a: 3 }, { b: 2 }],
    [{ a: { x: 1, y: 2 } }, { a: { x: 3 } }, { a: { y: 2 } }],
    [{ a: { x: 1 } }, { a: null }, undefined],
    [{ a: null }, { a: { x: 1 } }, undefined],
    [{ a: 1 }, {}, { a: 1 }],
  ])('%j without %j leaves %j', (patch, other, left) => {
    expect(without(patch, other)).toEqual(left);
  });

  test('that touch different values make the same in either order', () => {
    const patches: [SectionsPatch, SectionsPatch] = [
      { desired: { a: { x: 1 } } },
      { desired: { a: { y: 2 } }, reported: { z: 1 } },
    ];
    const one = patches.reduce((shadow, patch) => applyPatch(shadow, patch, 1), absentShadow);
    const other = patches.toReversed().reduce((shadow, patch) => applyPatch(shadow, patch, 1), absentShadow);
    expect(one).toEqual(other);
  });
});
