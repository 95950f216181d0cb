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
  const disk = { isFull: false };
  gate.onConnectionChange((connected) => told.push(connected));
  gate.onOlderDisk(async () => {
    await Promise.resolve();
    if (disk.isFull) throw new Error('the disk is full');
    told.push('older');
  });
  return { link, gate, told, disk };
}

test('is no link before the cloud has answered, and what the link is from then on', async () => {
  const { link, gate, told } = openGate();
  using _ = gate;
  link.connect(true);
  link.connect(false);
  link.connect(true);
  expect([gate.connected, told]).toEqual([false, []]);
  await gate.answered({ isOlder: false });
  await gate.answered({ isOlder: false });
  expect([gate.connected, told]).toEqual([true, [true]]);
  link.connect(false);
  link.connect(true);
  expect(told).toEqual([true, false, true]);
});

test('[G5] tells that the disk is older before anything can go up, and once', async () => {
  const { link, gate, told } = openGate();
  using _ = gate;
  link.connect(true);
  await gate.answered({ isOlder: true });
  await gate.answered({ isOlder: true });
  expect(told).toEqual(['older', true]);
});

test('[G5] stays closed until an older disk has been dealt with, however long that takes', async () => {
  jest.useFakeTimers();
  try {
    const { link, gate, told, disk } = openGate();
    using _ = gate;
    disk.isFull = true;
    link.connect(true);
    await expect(gate.answered({ isOlder: true })).rejects.toThrow('full');
    link.connect(false);
    link.connect(true);
    jest.advanceTimersByTime(600_000);
    expect([gate.connected, told]).toEqual([false, []]);
    disk.isFull = false;
    await gate.answered({ isOlder: true });
    expect([gate.connected, told]).toEqual([true, ['older', true]]);
  } finally {
    jest.useRealTimers();
  }
});

test('[G5] closes again when the disk turns out to be older late', async () => {
  const { link, gate, told, disk } = openGate();
  using _ = gate;
  link.connect(true);
  await gate.answered({ isOlder: false });
  disk.isFull = true;
  await expect(gate.answered({ isOlder: true })).rejects.toThrow('full');
  expect([gate.connected, told]).toEqual([false, [true, false]]);
  disk.isFull = false;
  await gate.answered({ isOlder: true });
  expect([gate.connected, told]).toEqual([true, [true, false, 'older', true]]);
});

test('a cloud that does not answer is waited for, but not for ever', () => {
  jest.useFakeTimers();
  try {
    const { link, gate, told } = openGate();
    using _ = gate;
    jest.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
    link.connect(true);
    jest.advanceTimersByTime(20_000);
    link.connect(false);
    jest.advanceTimersByTime(60_000);
    link.connect(true);
    jest.advanceTimersByTime(29_999);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1);
    expect([gate.connected, told]).toEqual([true, [true]]);
  } finally {
    jest.useRealTimers();
  }
});
