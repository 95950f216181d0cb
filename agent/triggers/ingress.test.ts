import { expect, jest, test } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema } from '../../manifests/machine.ts';
import { Ledger } from '../streams/ledger.ts';
import type { CommitNotice } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import { Ingress } from './ingress.ts';
import { Routes } from './routes.ts';

function ingressOn({ queue = 2, holdMs = 1000, maxHeld = 10 } = {}) {
  const queued = new Map<string, number>();
  const listeners = new Set<(notice: CommitNotice) => void>();
  const committed: string[] = [];
  const notice = {
    streams: new Set<string>(),
    arrived: new Map(),
    functions: new Set<string>(),
    sessions: new Map(),
  };
  const change = (name: string, by: number): void => {
    queued.set(name, (queued.get(name) ?? 0) + by);
    for (const listener of listeners) listener(notice);
  };
  const counts = Object.assign(new Ledger(), { queued: (name: string) => queued.get(name) ?? 0 });
  const store = {
    counts,
    onCommit: (listener: (notice: CommitNotice) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    commit: async (operations: readonly Operation[]) => {
      await Promise.resolve();
      for (const operation of operations) {
        if (operation.op !== 'enqueue') continue;
        committed.push(Buffer.from(operation.event.payload).toString());
        change(operation.event.function, 1);
      }
    },
  };
  const ingress = new Ingress({ store, logger: silentLogger, now: () => new Date(0), holdMs, maxHeld });
  const bundle = `r.example.com/a/b@sha256:${'a'.repeat(64)}`;
  const machine = machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    functions: {
      busy: { bundle, on: [{ mqtt: 'busy' }, { mqtt: 'both' }], limits: { queue } },
      idle: { bundle, on: [{ mqtt: 'idle' }, { mqtt: 'both' }] },
    },
  });
  ingress.setRoutes(new Routes(machine));
  const accept = (topic: string, payload: string) =>
    ingress.accept({ topic, payload: Buffer.from(payload), qos: 1, retain: false });
  return { ingress, accept, committed, finish: (name: string) => change(name, -1) };
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test('what finds the queue full waits in order until there is room, and others pass', async () => {
  const { accept, committed, finish } = ingressOn({ queue: 2 });
  const accepted = ['1', '2', '3', '4'].map((payload) => accept('busy', payload));
  await accept('idle', 'i');
  await settle();
  expect(committed).toEqual(['1', '2', 'i']);
  finish('busy');
  await settle();
  expect(committed).toEqual(['1', '2', 'i', '3']);
  finish('busy');
  await Promise.all(accepted);
  expect(committed).toEqual(['1', '2', 'i', '3', '4']);
});

test('a message for two functions waits for both, and keeps later ones for either behind it', async () => {
  const { accept, committed, finish } = ingressOn({ queue: 1 });
  await accept('busy', '1');
  const both = accept('both', 'b');
  const behind = accept('idle', 'i');
  await settle();
  expect(committed).toEqual(['1']);
  finish('busy');
  await Promise.all([both, behind]);
  expect(committed).toEqual(['1', 'b', 'b', 'i']);
});

test('what waited too long is refused, and what comes beyond the bound at once', async () => {
  jest.useFakeTimers();
  try {
    const { accept } = ingressOn({ queue: 1, holdMs: 500, maxHeld: 1 });
    await accept('busy', '1');
    const late = accept('busy', '2');
    await expect(accept('busy', '3')).rejects.toMatchObject({ code: 'queueFull', transient: true });
    jest.advanceTimersByTime(500);
    await expect(late).rejects.toMatchObject({ code: 'queueFull' });
  } finally {
    jest.useRealTimers();
  }
});

test('a payload beyond the limit is refused', async () => {
  const { ingress } = ingressOn();
  const large = { topic: 't', payload: new Uint8Array(600 * 1024), qos: 1, retain: false } as const;
  await expect(ingress.accept(large)).rejects.toMatchObject({ code: 'tooLarge' });
});
