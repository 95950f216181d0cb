import { expect, jest, test } from '@jest/globals';
import { UplinkGate } from './uplink-gate.ts';

class FakeLink {
  connected = false;
  readonly #listeners = new Set<(connected: boolean) => void>();

  sendRelay = () => Promise.resolve();
  onRelayAck = () => () => undefined;

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#listeners) listener(connected);
  }
}

function openGate() {
  const link = new FakeLink();
  const gate = new UplinkGate(link);
  const told: (boolean | 'older')[] = [];
  gate.onConnectionChange((connected) => told.push(connected));
  gate.onOlderDisk(() => told.push('older'));
  return { link, gate, told };
}

test('is no link before the cloud has answered, and what the link is from then on', () => {
  const { link, gate, told } = openGate();
  using _ = gate;
  link.connect(true);
  link.connect(false);
  link.connect(true);
  expect([gate.connected, told]).toEqual([false, []]);
  gate.answered({ isOlder: false });
  gate.answered({ isOlder: false });
  expect([gate.connected, told]).toEqual([true, [true]]);
  link.connect(false);
  link.connect(true);
  expect(told).toEqual([true, false, true]);
});

test('[G5] tells that the disk is older before anything can go up, and once', () => {
  const { link, gate, told } = openGate();
  using _ = gate;
  link.connect(true);
  gate.answered({ isOlder: true });
  gate.answered({ isOlder: true });
  expect(told).toEqual(['older', true]);
});

test('a cloud that does not answer is waited for, but not for ever', () => {
  jest.useFakeTimers();
  try {
    const { link, gate, told } = openGate();
    using _ = gate;
    jest.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
    link.connect(true);
    jest.advanceTimersByTime(9999);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1);
    expect([gate.connected, told]).toEqual([true, [true]]);
  } finally {
    jest.useRealTimers();
  }
});
