import { expect, test } from '@jest/globals';
import type { CommitNotice } from './local-store.ts';
import { StreamControl, type StreamControlOptions } from './stream-control.ts';
import type { StreamRecord } from './stream-operations.ts';

const recordOf = (seq: number): StreamRecord => ({
  ...{ seq, time: seq, gap: undefined },
  message: { topic: 't', payload: new Uint8Array(1) },
});

/** A stream of `lastSeq` numbers of which `held` are still there. */
function streamOf(lastSeq: number, held: readonly number[]) {
  const state = { lastSeq, records: held.map(recordOf), reads: 0 };
  const listeners = new Set<(notice: CommitNotice) => void>();
  const store = {
    streams: ['s'],
    counts: { stream: () => ({ lastSeq: state.lastSeq }) },
    records: ({ after }: { after: number }) => {
      state.reads++;
      return Promise.resolve(state.records.filter(({ seq }) => seq > after));
    },
    onCommit: (listener: (notice: CommitNotice) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as StreamControlOptions['store'];
  const append = (seq: number): void => {
    state.lastSeq = seq;
    state.records.push(recordOf(seq));
    for (const listener of listeners) listener({ streams: new Set(['s']) } as unknown as CommitNotice);
  };
  return { state, append, control: new StreamControl({ store, missed: () => 0 }) };
}

test('who follows a stream whose last messages are gone waits for the next one without looking again', async () => {
  const { state, append, control } = streamOf(5, []);
  const stop = new AbortController();
  const request = { after: 2, until: Infinity, limit: Infinity, follow: true, topic: undefined };
  const pages = control.records('s', request, stop.signal);
  const first = pages.next();
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(state.reads).toBe(1);
  append(6);
  expect((await first).value).toEqual([recordOf(6)]);
  stop.abort();
  expect(await pages.next()).toEqual({ done: true, value: undefined });
});

test('what a stream holds that left the manifest stays while that is on trial', async () => {
  const removed: unknown[] = [];
  const counts = { messages: 3 };
  const store = {
    ...{ areStreamsKnown: true, streams: [] },
    counts: { streams: () => [['weather', counts]], stream: () => counts },
    commit: (operations: readonly unknown[]) => {
      removed.push(...operations);
      counts.messages = 0;
      return Promise.resolve();
    },
  } as unknown as StreamControlOptions['store'];
  let isOnTrial = true;
  const control = new StreamControl({ store, missed: () => 0, mayGoBack: () => isOnTrial });
  await expect(control.remove('weather')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('is on trial'),
  });
  expect(() => control.checkRemoval('weather')).toThrow('is on trial');
  expect(removed).toEqual([]);
  isOnTrial = false;
  expect(() => control.checkRemoval('weather')).not.toThrow();
  expect(await control.remove('weather')).toBe(3);
  expect(removed).toMatchObject([{ op: 'empty', stream: 'weather' }]);
});
