import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StateStore } from '../../agent/reconcile/state-store.ts';
import { mayGoBack, trialOf } from '../../agent/reconcile/state-schema.ts';
import { digestOf } from '../../lib/digest.ts';
import { lockFolder } from '../../lib/folder-lock.ts';

let folder: string;
let path: string;
const recovered: string[] = [];
const open = (): Promise<StateStore> => StateStore.open(path, (reason) => recovered.push(reason));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-state-'));
  path = join(folder, 'state.json');
  recovered.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the agent's state file", () => {
  test('begins empty and keeps what was written', async () => {
    const store = await open();
    expect(store.state.current).toBeNull();
    await store.update(() => ({ session: 7 }));
    await store.update(() => ({ reportedSeq: 3 }));
    expect((await open()).state).toMatchObject({ session: 7, reportedSeq: 3 });
    expect(recovered).toEqual([]);
  });

  test('[G8] takes the copy before when any one bit of the file has flipped', async () => {
    const store = await open();
    await store.update(() => ({ session: 1 }));
    await store.update(() => ({ session: 2 }));
    const whole = await readFile(path);
    for (let bit = 0; bit < whole.length * 8; bit += 7) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(path, flipped);
      const { session } = (await open()).state;
      // White space outside the checksummed data may change without harm: then the file is still the newest.
      expect([1, 2]).toContain(session);
      if (session === 2)
        expect(JSON.parse(flipped.toString('utf8'))).toEqual(JSON.parse(whole.toString('utf8')));
    }
    expect(recovered.length).toBeGreaterThan(100);
  });

  test('reads what an earlier agent wrote, in the middle of an update too', async () => {
    const pointer = { generation: 2, digest: digestOf('two') };
    const data = {
      ...{ version: 1, session: 4, reportedSeq: 9, observed: { ...pointer, size: 10 }, current: pointer },
      ...{ previous: { generation: 1, digest: digestOf('one') }, phase: 'verifying', conditions: [] },
    };
    await writeFile(path, JSON.stringify({ checksum: digestOf(JSON.stringify(data)), data }));
    const { state } = await open();
    expect(state).toEqual({ ...data, trial: null, undo: null, locked: null, history: [], pinned: [] });
    expect(trialOf(state)).toEqual({ generation: 2, data: {} });
    const committed = { ...state, phase: 'committed' } as const;
    const undo = {
      generation: 2,
      condition: { type: 'RolledBack', status: true, reason: 'unhealthy', message: 'no' },
    };
    expect([state, committed, { ...committed, undo }].map(mayGoBack)).toEqual([true, false, true]);
    expect(recovered).toEqual([]);
  });

  test('takes the copy before when the file was cut short', async () => {
    const store = await open();
    await store.update(() => ({ session: 1 }));
    await store.update(() => ({ session: 2 }));
    await writeFile(path, (await readFile(path)).subarray(0, 40));
    const again = await open();
    expect(again.state.session).toBe(1);
    await again.update(() => ({ session: 9 }));
    expect((await open()).state.session).toBe(9);
  });

  test('[G8] has a copy beside it from the first write on, and again after both were lost', async () => {
    const store = await open();
    await store.update(() => ({ session: 1 }));
    await writeFile(path, '{"half');
    expect((await open()).state.session).toBe(1);
    await Promise.all([rm(path), rm(`${path}.previous`)]);
    await store.update(() => ({ session: 2 }));
    await rm(path);
    expect((await open()).state.session).toBe(2);
    expect(recovered).toEqual(['not JSON', 'missing']);
  });

  test('says that there is no copy where there is none', async () => {
    await writeFile(path, '{"half');
    await expect(open()).rejects.toThrow('is broken (not JSON) and there is no copy before it');
  });

  test('says in one line what to do when both copies are broken', async () => {
    const store = await open();
    await store.update(() => ({ session: 1 }));
    await store.update(() => ({ session: 2 }));
    await writeFile(path, 'x');
    await writeFile(`${path}.previous`, 'y');
    await expect(open()).rejects.toMatchObject({
      code: 'stateBroken',
      hint: expect.stringContaining('holdfast restore'),
    });
  });

  test.each([
    ['a key', { trial: { generation: 2, data: {}, colour: 'red' } }, 'trial.colour'],
    ['a value', { phase: 'dreaming' }, 'phase'],
    ['a version', { version: 2 }, 'version'],
    ['another type', { session: 'seven' }, 'session'],
    ['another form', { current: { generation: 3, digest: 'blake3:ab' } }, 'current.digest'],
    ['nothing in the place', { pinned: undefined, conditions: undefined }, 'conditions'],
  ])(
    'that has %s of a newer agent is refused and left as it is, whatever the copy before it holds',
    async (_, change, part) => {
      const store = await open();
      await store.update(() => ({ session: 1 }));
      await store.update(() => ({ session: 2 }));
      const data = { ...store.state, ...change };
      const newer = JSON.stringify({ checksum: digestOf(JSON.stringify(data)), data });
      await writeFile(path, newer);
      await expect(open()).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(new RegExp(`newer agent: .* its ${part}$`)),
      });
      // Cut short, it is no reason to take what came before that agent.
      await writeFile(`${path}.previous`, newer);
      await writeFile(path, newer.slice(0, 40));
      await expect(open()).rejects.toMatchObject({ code: 'unsupported' });
      expect([await readFile(`${path}.previous`, 'utf8'), recovered]).toEqual([newer, []]);
    },
  );

  test('writes concurrent changes in order and leaves no temporary file', async () => {
    const store = await open();
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.update(() => ({ session: index + 1 }))));
    expect((await open()).state.session).toBe(20);
    expect((await readdir(folder)).sort()).toEqual(['state.json', 'state.json.previous']);
  });
});

describe('the lock of a folder', () => {
  test('is held by one holder at a time', () => {
    const first = lockFolder(folder);
    expect(first).toBeDefined();
    expect(lockFolder(folder)).toBeUndefined();
    first?.[Symbol.dispose]();
    const second = lockFolder(folder);
    expect(second).toBeDefined();
    second?.[Symbol.dispose]();
  });
});
