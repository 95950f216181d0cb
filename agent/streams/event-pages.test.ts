import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../test/support/random.ts';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { EventPlace, NewEvent, Operation, QueuedEvent } from './operations.ts';
import { prepareReads } from './reads.ts';
import { migrate } from './schema.ts';

type Unit = readonly Operation[];

/** `together`: the units of a group share a transaction, as they do in the store; else each has its own, and so its own rows. */
function store({ together = true } = {}) {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const policy = { maxBytes: 2 ** 30, relayed: false, consumers: [], keepRead: true };
  const reads = prepareReads(database);
  const apply = prepareApply(database, () => policy);
  const commit = (units: readonly Unit[]) => {
    const draft = apply(units, ledger);
    ledger.accept(draft);
    return draft;
  };
  const count = (table: 'events' | 'event_pages'): number =>
    Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  const read = (name: string): QueuedEvent[] => {
    const found: QueuedEvent[] = [];
    for (let after = 0, more = true; more;) {
      const query = { function: name, after, now: 1e14, ordered: true, forgiven: false, known: 0 };
      const page = reads.near(query);
      found.push(...page.events.filter(({ id }) => id > after));
      ({ upTo: after, more } = page);
    }
    return found;
  };
  return {
    database,
    ledger,
    reads,
    read,
    commit,
    /** The places, within the group, of the units that were refused. */
    group: (units: readonly Unit[]): number[] =>
      together
        ? [...commit(units).refused.keys()]
        : units.flatMap((unit, place) => (commit([unit]).refused.size > 0 ? [place] : [])),
    ids: (name = 'f') => read(name).map(({ id }) => id),
    get rows() {
      return count('events');
    },
    get pages() {
      return count('event_pages');
    },
    reload: () => Ledger.load(database),
    [Symbol.dispose]: () => database.close(),
  };
}

const enqueue = (payload: string, change: Partial<NewEvent> = {}): Unit => {
  const event = { function: 'f', kind: 'message', topic: 't', time: 1, hops: 0 } as const;
  return [{ op: 'enqueue', capacity: 1e6, event: { ...event, payload: Buffer.from(payload), ...change } }];
};
const many = (count: number, change: Partial<NewEvent> = {}): Unit[] =>
  Array.from({ length: count }, (_, index) => enqueue(String(index), change));
const placeOf = ({ id, function: name, page }: EventPlace): EventPlace => ({ id, function: name, page });
const finish = (event: EventPlace): Unit => [{ op: 'finish', ...placeOf(event) }];
const postpone = (event: EventPlace, notBefore = 5): Unit => [
  { op: 'postpone', ...placeOf(event), attempts: 1, notBefore },
];
const bury = (event: EventPlace): Unit => [
  { op: 'bury', ...placeOf(event), attempts: 3, time: 9, error: { code: 'threw', message: 'no' } },
];
const contentOf = ({ page: _, payload, ...event }: QueuedEvent) => ({
  ...event,
  payload: Buffer.from(payload).toString(),
});

describe('events of one commit', () => {
  test('share a row and come back whole, in order, as they were told of', () => {
    using local = store();
    const odd = { topic: 'a/ä"\n', contentType: 'text/plain', time: 1.7e12, hops: 3 };
    const { arrived } = local.commit([...many(3), enqueue('', odd), enqueue('\0ü')]);
    expect([local.rows, local.pages]).toEqual([0, 1]);
    const found = local.read('f');
    expect(found.map(contentOf)).toEqual(arrived.get('f')?.map(contentOf));
    expect(found.map(({ page }) => page)).toEqual(arrived.get('f')?.map(({ page }) => page));
    expect(found[3]).toMatchObject({ ...odd, kind: 'message', attempts: 0, notBefore: 0, function: 'f' });
    expect(local.reload().queued('f')).toBe(5);
  });

  test('have rows of their own where they are few, large, delayed or of a queue', () => {
    using local = store();
    local.commit([...many(3), ...many(3, { function: 'g' })]);
    local.commit(many(9, { payload: Buffer.alloc(5000) }));
    local.commit(many(9, { contentType: 'x'.repeat(5000) }));
    // 4096 bytes beside a byte of payload.
    local.commit(many(9, { topic: 'ü'.repeat(2048) }));
    local.commit([...many(9, { kind: 'queue' }), ...many(9, { notBefore: 2 })]);
    expect([local.rows, local.pages]).toEqual([51, 0]);
  });

  test('share a row a function, and run in their order beside those with rows of their own', () => {
    using local = store();
    const units = Array.from({ length: 12 }, (_, index) => [
      ...enqueue('f', index % 3 === 0 ? { kind: 'scheduled' } : {}),
      ...enqueue('g', { function: 'g' }),
    ]);
    local.commit(units);
    expect([local.rows, local.pages]).toEqual([4, 2]);
    expect(local.ids('f')).toEqual(Array.from({ length: 12 }, (_, index) => 2 * index + 1));
    expect(local.ids('g')).toEqual(Array.from({ length: 12 }, (_, index) => 2 * index + 2));
  });

  test('share as many rows as their number, their bytes and the span of their ids need', () => {
    using local = store();
    local.commit(many(600));
    expect(local.pages).toBe(3);
    local.commit(many(64, { function: 'g', payload: Buffer.alloc(4000) }));
    expect(local.pages).toBe(7);
    local.commit(many(1000).map((unit, index) => (index % 10 === 0 ? unit : enqueue('', { function: 'h' }))));
    expect(local.ids()).toHaveLength(700);
    expect(local.ids('h')).toHaveLength(900);
    expect(local.reload().queued('f')).toBe(700);
  });

  test.each([
    ['share a row where their ids lie as far apart as it can say', 511, 1],
    ['have rows of their own where the last one lies farther', 512, 0],
  ])('%s', (_, distance, pages) => {
    using local = store();
    const between = many(distance - 3, { function: 'g', kind: 'scheduled' });
    local.commit([...many(3), ...between, enqueue('last')]);
    expect(local.pages).toBe(pages);
    expect(local.ids()).toEqual([1, 2, 3, distance + 1]);
    expect(local.reload().queued('f')).toBe(4);
  });

  test('have their payloads alone', () => {
    using local = store();
    local.commit(many(100, { payload: Buffer.alloc(500, 1) }));
    for (const { payload } of local.read('f')) expect(payload.buffer.byteLength).toBe(500);
  });
});

describe('an event of a page', () => {
  test('ends where it lies; the page goes with the last one', () => {
    using local = store();
    local.commit(many(10));
    const events = local.read('f');
    local.commit(events.slice(0, 9).map(finish));
    expect([local.ids(), local.pages, local.ledger.queued('f')]).toEqual([[10], 1, 1]);
    expect(local.reload().queued('f')).toBe(1);
    local.commit(events.slice(9).map(finish));
    expect([local.ids(), local.pages, local.rows, local.ledger.queued('f')]).toEqual([[], 0, 0, 0]);
  });

  test('ends once: what is committed with a second end is refused', () => {
    using local = store();
    local.commit(many(5));
    const [event = { id: 0, function: 'f' }] = local.read('f');
    const put = { op: 'put', store: 's', key: 'k', value: Buffer.from('v') } as const;
    const both = local.commit([finish(event), [...finish(event), put]]);
    expect(both.refused.get(1)).toMatchObject({ code: 'gone' });
    expect(local.commit([finish(event)]).refused.get(0)).toMatchObject({ code: 'gone' });
    expect(local.reads.value('s', 'k', 0)).toBeUndefined();
    expect(local.ledger.queued('f')).toBe(4);
  });

  test('is not there for another function, nor in another page', () => {
    using local = store();
    local.commit(many(5));
    local.commit(many(5));
    const [event = { id: 0, function: 'f' }] = local.read('f');
    const wrong = [{ function: 'g' }, { page: 10 }, { page: 99 }, { page: undefined }];
    const { refused } = local.commit(wrong.map((change) => finish({ ...event, ...change })));
    expect([...refused.keys()]).toEqual([0, 1, 2, 3]);
    expect(local.ids()).toHaveLength(10);
  });

  test('that is to run again keeps its place in a row of its own, and ends there', () => {
    using local = store();
    local.commit(many(6));
    const before = local.read('f');
    const third = before[2] ?? { id: 0, function: 'f' };
    local.commit([postpone(third, 7)]);
    const after = local.read('f');
    expect(after.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(after[2]).toMatchObject({ id: 3, attempts: 1, notBefore: 7, topic: 't' });
    expect(Buffer.from(after[2]?.payload ?? []).toString()).toBe('2');
    expect([local.rows, local.pages, local.reload().queued('f')]).toEqual([1, 1, 6]);
    // Whoever had it in memory still names the page.
    local.commit([postpone(third, 8)]);
    expect(local.read('f')[2]).toMatchObject({ notBefore: 8 });
    local.commit([finish(third)]);
    expect([local.ids(), local.rows]).toEqual([[1, 2, 4, 5, 6], 0]);
    expect(local.commit([finish(third)]).refused.size).toBe(1);
  });

  test('that is given up is a dead letter with all it was', () => {
    using local = store();
    local.commit([...many(5), enqueue('last', { contentType: 'a/b', hops: 2, time: 4 })]);
    const last = local.read('f').at(-1) ?? { id: 0, function: 'f' };
    local.commit([bury(last)]);
    const query = { function: 'f', after: 0, limit: 9, maxBytes: 999 };
    const [letter] = local.reads.deadLetters(query);
    expect(letter).toMatchObject({ contentType: 'a/b', hops: 2, time: 4, attempts: 3, died: 9, topic: 't' });
    expect(Buffer.from(letter?.payload ?? []).toString()).toBe('last');
    expect([local.ids().length, local.ledger.queued('f'), local.ledger.dead('f')]).toEqual([5, 5, 1]);
    local.commit([[{ op: 'redeliver', function: 'f', id: letter?.id ?? 0 }]]);
    expect(local.ids()).toEqual([1, 2, 3, 4, 5, 7]);
  });
});

test('no id is given twice, though all that had one are gone and the store was opened anew', () => {
  using local = store();
  local.commit(many(5));
  local.commit(local.read('f').map(finish));
  expect(local.reload().lastEventId).toBe(5);
  local.commit([enqueue('next')]);
  expect(local.ids()).toEqual([6]);
});

test('a read goes on behind what was read, in the middle of a page too', () => {
  using local = store();
  local.commit(many(200));
  local.commit(many(200));
  const near = (after: number) =>
    local.reads.near({ function: 'f', after, now: 0, ordered: true, forgiven: false, known: 0 });
  expect(near(0)).toMatchObject({ upTo: 200, more: true });
  expect(near(100)).toMatchObject({ upTo: 200, more: true });
  expect(near(100).events[0]?.id).toBe(101);
  expect(near(199)).toMatchObject({ upTo: 400, more: true });
  expect(near(400)).toMatchObject({ upTo: 400, more: false, events: [] });
});

describe('a page that is not as it was written', () => {
  const head = '[1,1,0,1,"t",null]';
  const heads = (text: string): string => `heads = '${text}'`;
  /** All five heads, the first one as it is given. */
  const first = (text: string): string => `heads = '[${text}' || substr(heads, ${head.length + 2})`;
  const damages = [
    ...['[[1,', '[]', 'null', '{}', '[1,2]', '[null]', `[${head}]`].map(heads),
    first('[1,1,0,-1,"t",null]'),
    first('[1,1,0,2,"t",null]'),
    first('[1,1,0,0.5,"t",null]'),
    first('[1,1,0,"1","t",null]'),
    first('[1,1,-1,1,"t",null]'),
    first('[1,"now",0,1,"t",null]'),
    first('[1,1,0,1,null,null]'),
    first('[1,1,0,1,"t",7]'),
    first('[1,1,0,1,"t"]'),
    first('[3,1,0,1,"t",null]'),
    first('[6,1,0,1,"t",null]'),
    first('[-507,1,0,1,"t",null]'),
    first('["1",1,0,1,"t",null]'),
    ...["x'31'", "x'313131313131'", "x''"].map((payloads) => `payloads = ${payloads}`),
    ...["x''", 'zeroblob(64)', 'CAST(waiting || zeroblob(1) AS BLOB)', 'substr(waiting, 1, 63)'].map(
      (waiting) => `waiting = ${waiting}`,
    ),
    "waiting = CAST(x'3f' || zeroblob(63) AS BLOB)",
  ];

  test('has the heads that the damages below begin with', () => {
    using local = store();
    local.commit(Array.from({ length: 5 }, () => enqueue('1')));
    expect(local.database.prepare('SELECT heads FROM event_pages').get()?.heads).toMatch(
      new RegExp(`^\\[${head.replaceAll(/[[\]]/g, String.raw`\$&`)},`),
    );
  });

  test.each(damages)('is refused, and what its events did with it, and nothing else: %s', (damage) => {
    using local = store();
    local.commit(Array.from({ length: 5 }, () => enqueue('1')));
    const events = local.read('f');
    local.commit(many(5, { function: 'g' }));
    local.database.exec(`UPDATE event_pages SET ${damage} WHERE function = 'f'`);
    const damaged = local.database.prepare("SELECT * FROM event_pages WHERE function = 'f'").get();
    expect(() => local.read('f')).toThrow(expect.objectContaining({ code: 'corrupt' }));
    const [one = { id: 0, function: 'f' }] = events;
    const put = { op: 'put', store: 's', key: 'k', value: Buffer.from('v') } as const;
    const others = [...local.read('g').slice(0, 4).map(finish), enqueue('new', { function: 'h' })];
    const { refused } = local.commit([[...postpone(one), put], ...others, bury(one)]);
    expect([...refused.keys()]).toEqual([0, 6]);
    for (const error of refused.values()) expect(error).toMatchObject({ code: 'corrupt' });
    expect([local.ids('g').length, local.ids('h').length, local.ledger.queued('f')]).toEqual([1, 1, 5]);
    expect(local.reads.value('s', 'k', 0)).toBeUndefined();
    expect(local.database.prepare("SELECT * FROM event_pages WHERE function = 'f'").get()).toEqual(damaged);
    expect(() => local.reload()).not.toThrow();
  });

  test('whose bits are legible lets go of what has run', () => {
    using local = store();
    local.commit(many(5));
    const events = local.read('f');
    local.database.exec("UPDATE event_pages SET heads = '[]'");
    expect(local.commit(events.map(finish)).refused.size).toBe(0);
    expect([local.pages, local.ledger.queued('f')]).toEqual([0, 0]);
  });
});

describe('pages and rows give the same answers', () => {
  const kinds = ['message', 'message', 'message', 'queue', 'scheduled', 'file'] as const;

  /** The next group of units; what it ends is what `some` store said there is. */
  function nextGroup(random: () => number, waiting: readonly QueuedEvent[]): Unit[] {
    const chance = (share: number): boolean => random() < share;
    const endings = waiting
      .filter(() => chance(0.4))
      .map((event) =>
        chance(0.7) ? finish(event) : chance(0.6) ? postpone(event, 1 + (event.id % 9)) : bury(event),
      );
    const twice = endings.filter(() => chance(0.1));
    const fresh = Array.from({ length: Math.floor(random() * 40) }, (_, index) =>
      enqueue(`${index}`.repeat(Math.floor(random() * (chance(0.05) ? 5000 : 20))), {
        function: chance(0.7) ? 'f' : 'g',
        kind: kinds[Math.floor(random() * kinds.length)] ?? 'message',
        time: Math.floor(random() * 1e6),
      }),
    );
    const adopt: Unit[] = chance(0.2) ? [[{ op: 'adopt', queue: 't', from: 'g', to: 'f' }]] : [];
    return [...endings, ...twice, ...fresh, ...adopt].sort(() => random() - 0.5);
  }

  test.each([1, 2, 3, 4])('to the same random operations, seed %i', (seed) => {
    using paged = store();
    using single = store({ together: false });
    const random = seededRandom(seed);
    let pages = 0;
    for (let round = 0; round < 25; round++) {
      const group = nextGroup(random, [...paged.read('f'), ...paged.read('g')]);
      expect(paged.group(group)).toEqual(single.group(group));
      pages = Math.max(pages, paged.pages);
      for (const name of ['f', 'g']) {
        expect(paged.read(name).map(contentOf)).toEqual(single.read(name).map(contentOf));
        expect(paged.ledger.queued(name)).toBe(single.ledger.queued(name));
        expect(paged.reload().queued(name)).toBe(single.ledger.queued(name));
        const letters = { function: name, after: 0, limit: 9999, maxBytes: 1e9 };
        expect(paged.reads.deadLetters(letters)).toEqual(single.reads.deadLetters(letters));
      }
    }
    expect(pages).toBeGreaterThan(1);
    expect(single.pages).toBe(0);
    expect(paged.reload().lastEventId).toBe(single.reload().lastEventId);
  });
});
