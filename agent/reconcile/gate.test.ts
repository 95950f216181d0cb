import { describe, expect, test } from '@jest/globals';
import { desired, Device, digestOf, machineOf } from '../../test/support/update-device.ts';

const nights = { windows: [{ cron: '0 2 * * *', duration: '1h', timezone: 'UTC' }] };

async function deviceWith(updates: object): Promise<Device> {
  const device = await Device.running(1);
  device.machines.set(digestOf(2), machineOf(2, updates));
  return device;
}

const waits = (device: Device): string | undefined =>
  device.state.conditions.find(({ type }) => type === 'Waiting')?.message;

const stagings = (device: Device): number => device.steps.filter((step) => step === 'write staged').length;

describe('a generation that is on disk', () => {
  test('waits for its window, says when that opens, and goes live in it', async () => {
    const device = await deviceWith(nights);
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => waits(device) !== undefined);
    expect(device.state.phase).toBe('staged');
    expect(waits(device)).toBe(
      'Generation 2 is on disk and waits for its update window, which opens at 2026-01-11T02:00:00Z.',
    );
    device.nowMs = Date.parse('2026-01-11T02:00:00Z');
    await device.until(() => device.state.phase === 'committed');
    expect(device.state.conditions).toEqual([]);
  });

  test('is overtaken by a newer one that has nothing to wait for', async () => {
    const device = await deviceWith(nights);
    device.machines.set(digestOf(3), machineOf(3));
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => waits(device) !== undefined);
    await reconciler.offer(desired(3), { live: true });
    await device.until(() => device.state.phase === 'committed');
    expect(device.apps.get('ledger')).toBe('3');
  });

  test('goes live at once when it is said again with leave to', async () => {
    const device = await deviceWith(nights);
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => waits(device) !== undefined);
    await reconciler.offer(desired(2, { now: true }), { live: true });
    await device.until(() => device.state.phase === 'committed');
  });

  test('that is held waits to be activated, also after a restart, and no kept pointer holds it again', async () => {
    const device = await deviceWith({});
    {
      await using reconciler = device.boot().reconciler;
      await reconciler.start();
      await reconciler.offer(desired(2, { hold: true }), { live: true });
      await device.until(() => waits(device) !== undefined);
    }
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await device.until(() => stagings(device) === 2 && waits(device) !== undefined);
    expect(waits(device)).toContain('waits to be activated');
    expect(device.apps.get('ledger')).toBe('1');
    await reconciler.offer(desired(2), { live: true });
    await reconciler.offer(desired(2, { hold: true }), { live: false });
    await device.until(() => device.state.phase === 'committed');
    expect(device.apps.get('ledger')).toBe('2');
  });

  test('waits for the locks of the apps that it replaces, and for no others', async () => {
    const device = await deviceWith({});
    device.locks = [
      { app: 'clock', reason: 'always' },
      { app: 'ledger', reason: 'closing the books' },
    ];
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => waits(device) !== undefined);
    expect(waits(device)).toBe(
      'Generation 2 is on disk and held back by ledger (closing the books), until 2026-01-11T12:00:00Z at most.',
    );
    device.locks = device.locks.slice(0, 1);
    await device.until(() => device.state.phase === 'committed');
    expect(device.state.conditions).toEqual([]);
  });

  test('goes live over locks that outlast what the file allows, counted across restarts, and says so', async () => {
    const device = await deviceWith({ defer: '2h' });
    device.locks = [{ app: 'ledger', reason: 'busy' }];
    {
      await using reconciler = device.boot().reconciler;
      await reconciler.start();
      await reconciler.offer(desired(2), { live: true });
      await device.until(() => waits(device) !== undefined);
    }
    device.nowMs += 2 * 3_600_000 - 1;
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await device.until(() => stagings(device) === 2 && waits(device) !== undefined);
    expect(device.state.phase).toBe('staged');
    device.nowMs += 1;
    await device.until(() => device.state.phase === 'committed');
    expect(device.state.conditions.map(({ type }) => type)).toEqual(['LocksOverridden']);
    expect(device.state.conditions[0]?.message).toContain('ledger (busy)');
  });

  test('is not held back on a device where nothing runs yet', async () => {
    const device = new Device();
    device.machines.set(digestOf(2), machineOf(2, nights));
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.state.phase === 'committed');
  });

  test('that does not come up where nothing ran before goes back to nothing', async () => {
    const device = new Device();
    device.machines.set(digestOf(1), machineOf(1));
    device.bad.set('1', 'ledger exits');
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(1), { live: true });
    await device.until(() => device.state.phase === 'rolledBack' && device.apps.size === 0);
    expect(device.state).toMatchObject({ current: null, trial: null, undo: null });
  });

  test('runs again after a restart outside its window: what is committed waits for nothing', async () => {
    const device = await Device.running(1, nights);
    device.apps.clear();
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    expect(device.apps.get('ledger')).toBe('1');
  });
});
