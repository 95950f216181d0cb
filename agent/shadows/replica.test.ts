import { describe, expect, test } from '@jest/globals';
import { absentShadow, applyPatch, type SectionsPatch } from '../../lib/shadow/shadow-document.ts';
import {
  cloudBecame,
  cloudDeleted,
  cloudUpdated,
  deleteHere,
  emptyReplica,
  nextUpward,
  surrender,
  updateHere,
  type Replica,
} from './replica.ts';

const here = (replica: Replica, state: SectionsPatch): Replica => {
  const { accepted } = updateHere(replica, { state }, 50);
  if (!accepted) throw new Error('the update was refused');
  return accepted;
};
const there = (replica: Replica, state: SectionsPatch): Replica =>
  cloudBecame(replica, applyPatch(replica.cloud, state, 60));
/** Both sides have it. */
const settled = (state: SectionsPatch): Replica => there(emptyReplica, state);

describe('what is said to the cloud next', () => {
  test('is nothing when it has everything', () => {
    expect(nextUpward(emptyReplica)).toBeUndefined();
    expect(nextUpward(settled({ desired: { a: 1 } }))).toBeUndefined();
  });

  test('is what is reported, then what is desired under the version that is known', () => {
    const replica = here(settled({ desired: { a: 1 } }), { desired: { a: 2 }, reported: { b: 1 } });
    expect(nextUpward(replica)).toEqual({ verb: 'update', request: { state: { reported: { b: 1 } } } });
    const after = there(replica, { reported: { b: 1 } });
    expect(nextUpward(after)).toEqual({
      verb: 'update',
      request: { state: { desired: { a: 2 } }, version: 2 },
    });
  });

  test('is one patch of all updates while it was away', () => {
    let replica = settled({ reported: { a: { x: 1 }, n: 0 } });
    for (let n = 1; n <= 10; n++) replica = here(replica, { reported: { n } });
    replica = here(replica, { reported: { a: null } });
    replica = here(replica, { reported: { a: { y: 2 } } });
    const upward = nextUpward(replica);
    expect(upward).toEqual({
      verb: 'update',
      request: { state: { reported: { n: 10, a: { x: null, y: 2 } } } },
    });
  });

  test('is that a shadow without values was made', () => {
    expect(nextUpward(here(emptyReplica, {}))).toEqual({ verb: 'update', request: { state: {} } });
  });

  test('is that a shadow was deleted, before what came after', () => {
    const gone = deleteHere(settled({ reported: { a: 1 } }), { name: 's' }, 70).accepted ?? emptyReplica;
    const again = here(gone, { reported: { b: 1 } });
    expect(nextUpward(again)).toEqual({ verb: 'delete', request: { version: 1 } });
    const told = cloudDeleted(again, { version: 2, timestamp: 80 }) ?? emptyReplica;
    expect(told.local.state).toEqual({ reported: { b: 1 } });
    expect(nextUpward(told)).toEqual({ verb: 'update', request: { state: { reported: { b: 1 } } } });
  });
});

describe('a change of the cloud', () => {
  test('wins over a desired value that was changed here too', () => {
    const replica = there(here(settled({ desired: { a: 1, b: 1 } }), { desired: { a: 2, b: 2 } }), {
      desired: { a: 3 },
    });
    expect(replica.local.state.desired).toEqual({ a: 3, b: 2 });
  });

  test('loses against a reported value that was changed here too', () => {
    const replica = there(here(settled({ reported: { a: 1, b: 1 } }), { reported: { a: 2 } }), {
      reported: { a: 3, b: 3 },
    });
    expect(replica.local.state.reported).toEqual({ a: 2, b: 3 });
  });

  test('moves the version here by one, and no change by none', () => {
    const replica = settled({ reported: { a: 1 } });
    expect(there(replica, { reported: { a: 2 } }).local.version).toBe(replica.local.version + 1);
    expect(there(replica, { reported: { a: 1 } }).local.version).toBe(replica.local.version);
  });

  test('that is known already is not made twice, and one after a hole is asked for', () => {
    const replica = settled({ reported: { a: 1 } });
    const told = { state: { reported: { a: 2 } }, timestamp: 70 };
    expect(cloudUpdated(replica, { ...told, version: 1 })).toBe(replica);
    expect(cloudUpdated(replica, { ...told, version: 2 })?.local.state).toEqual({ reported: { a: 2 } });
    expect(cloudUpdated(replica, { ...told, version: 3 })).toBeUndefined();
  });

  test('takes back that a shadow was deleted here', () => {
    const gone = deleteHere(settled({ reported: { a: 1 } }), { name: 's' }, 70).accepted ?? emptyReplica;
    const back = there(gone, { desired: { b: 1 } });
    expect(back.local.state).toEqual({ reported: { a: 1 }, desired: { b: 1 } });
    expect(nextUpward(back)).toBeUndefined();
  });

  test('that deletes the shadow leaves what is newly reported here', () => {
    const replica = here(settled({ reported: { a: 1, b: 1 } }), { reported: { a: 2 } });
    const left = cloudBecame(replica, absentShadow);
    expect(left.local.state).toEqual({ reported: { a: 2 } });
    expect(cloudBecame(settled({ reported: { a: 1 } }), absentShadow).local.exists).toBe(false);
  });
});

test('what the cloud refuses is given up for what it has', () => {
  const replica = here(settled({ desired: { a: 1 } }), { desired: { a: 2 }, reported: { b: 1 } });
  expect(surrender(replica).local.state).toEqual({ desired: { a: 1 } });
  expect(nextUpward(surrender(replica))).toBeUndefined();
});
