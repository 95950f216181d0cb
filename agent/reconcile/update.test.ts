import { describe, expect, test } from '@jest/globals';
import { CodedError } from '../../lib/coded-error.ts';
import { desired, Device, digestOf, machineOf } from '../../test/support/update-device.ts';

describe('a start', () => {
  test('of a committed generation that cannot run keeps at it, and goes back to no other', async () => {
    const device = await Device.running(1);
    device.machines.set(digestOf(2), machineOf(2));
    {
      await using reconciler = device.boot().reconciler;
      await reconciler.start();
      await reconciler.offer(desired(2), { live: true });
      await device.until(() => device.state.phase === 'committed');
    }
    device.apps.clear();
    device.runnerProblem = new CodedError('noRuntime', 'there is no runc');
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await device.until(() => device.state.phase === 'failed');
    expect(device.state.conditions[0]?.message).toContain('there is no runc');
    device.runnerProblem = undefined;
    await device.until(() => device.state.phase === 'committed');
    expect(device.apps.get('ledger')).toBe('2');
    expect(device.state).toMatchObject({ current: { generation: 2 }, conditions: [] });
  });
});

describe('the first generation of a cloud on a device that ran alone before', () => {
  test('is an update on trial, though it has the number of what runs', async () => {
    for (const bad of [undefined, 'ledger exits']) {
      const device = await Device.running(1);
      device.machines.set(digestOf(2), machineOf(2));
      if (bad !== undefined) device.bad.set('2', bad);
      // What enrolment does.
      device.state = { ...device.state, observed: null };
      const isOver = (): boolean => ['committed', 'rolledBack'].includes(device.state.phase ?? '');
      {
        await using reconciler = device.boot().reconciler;
        await reconciler.start();
        await reconciler.offer({ ...desired(1), digest: digestOf(2) }, { live: true });
        expect(isOver()).toBe(false);
        await device.until(isOver);
      }
      const runs = bad === undefined ? 2 : 1;
      expect(device.state).toMatchObject({ trial: null, current: { digest: digestOf(runs) } });
      device.apps.clear();
      await using again = device.boot().reconciler;
      await again.start();
      expect(device.apps.get('ledger')).toBe(String(runs));
    }
  });
});

describe('an update with data', () => {
  test('snapshots the volume while its apps stand still, and leaves other apps alone', async () => {
    const device = await Device.running(1);
    device.machines.set(digestOf(2), machineOf(2));
    device.restarts.length = 0;
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.state.phase === 'committed' && device.state.current?.generation === 2);
    expect(device.steps).toEqual([
      ...['configure', 'write accepted', 'write fetching', 'fetch', 'pull', 'write staged'],
      ...['snapshot', 'halt', 'snapshot', 'write applying', 'configure', 'write verifying', 'settled'],
      'write committed',
    ]);
    expect(device.restarts).toEqual(['ledger 2', 'reader same']);
    expect(device.data).toEqual(['1', '2']);
    expect(device.state).toMatchObject({ trial: null, undo: null, previous: { generation: 1 } });
  });

  test('that is not well goes back with its data, and says which app and why', async () => {
    const device = await Device.running(1);
    device.machines.set(digestOf(2), machineOf(2));
    device.bad.set('2', 'ledger: its check answered 500');
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.apps.get('ledger') === '1' && device.state.phase === 'rolledBack');
    expect(device.violations).toEqual([]);
    expect(device.data).toEqual(['1', '1']);
    expect(device.state.conditions).toEqual([
      { type: 'RolledBack', status: true, reason: 'unhealthy', message: 'ledger: its check answered 500' },
    ]);
    expect(device.state.history.map(({ generation, outcome }) => [generation, outcome])).toEqual([
      [1, 'committed'],
      [2, 'rolledBack'],
    ]);
  });

  const outcomes = [
    { how: 'good', bad: undefined, phase: 'committed', runs: '2' },
    { how: 'bad', bad: 'ledger exits', phase: 'rolledBack', runs: '1' },
  ] as const;
  test.each(
    outcomes.flatMap(
      (outcome) =>
        [
          { ...outcome, when: 'before' },
          { ...outcome, when: 'after' },
        ] as const,
    ),
  )(
    '[G2] killed $when any step of a $how update, ends at one whole generation with its data',
    async ({ bad, phase, runs, when }) => {
      const done: string[] = [];
      for (let number = 0; ; number++) {
        const device = await Device.running(1);
        device.machines.set(digestOf(2), machineOf(2));
        if (bad !== undefined) device.bad.set('2', bad);
        const isOver = (): boolean => device.state.phase === phase && device.apps.get('ledger') === runs;
        const { reconciler, killed } = device.boot({ [when]: number });
        void reconciler.start().then(() => reconciler.offer(desired(2), { live: true }));
        const name = await Promise.race([killed, device.until(isOver)]);
        if (name === undefined) break;
        done.push(name);
        await using again = device.boot().reconciler;
        await again.start();
        if (device.state.observed?.generation === 1) await again.offer(desired(2), { live: true });
        await device.until(isOver);
        expect({ name, violations: device.violations }).toEqual({ name, violations: [] });
        expect({ name, apps: Object.fromEntries(device.apps) }).toEqual({
          name,
          apps: { ledger: runs, reader: 'same', clock: 'same' },
        });
        expect({ name, wroteLast: device.data.at(-1) }).toEqual({ name, wroteLast: runs });
        if (bad !== undefined) expect(device.data).not.toContain('2');
        expect(device.state).toMatchObject({ trial: null, undo: null });
      }
      expect(done).toEqual(expect.arrayContaining(['halt', 'snapshot', 'write applying', 'configure']));
      if (bad !== undefined) expect(done).toContain('restore');
    },
  );

  test('of which the vault cannot be reached waits without stopping anything', async () => {
    const device = await Device.running(1);
    device.machines.set(digestOf(2), machineOf(2));
    device.vaultProblem = new CodedError('network', 'the vault is away', { transient: true });
    device.restarts.length = 0;
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.state.conditions.some(({ message }) => message.includes('is away')));
    expect(device.steps).not.toContain('halt');
    expect(device.restarts).toEqual([]);
    device.vaultProblem = undefined;
    await device.until(() => device.state.phase === 'committed');
  });

  test('whose snapshot cannot be put back goes back all the same, and says which data is not', async () => {
    const device = await Device.running(1);
    device.machines.set(digestOf(2), machineOf(2));
    device.settle = () => {
      device.vaultProblem = new CodedError('damaged', 'a pack is damaged');
      return Promise.reject(new Error('ledger exits'));
    };
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.apps.get('ledger') === '1' && device.state.phase === 'rolledBack');
    expect(device.state.conditions.map(({ type, reason }) => [type, reason])).toEqual([
      ['RolledBack', 'internal'],
      ['DataNotRestored', 'damaged'],
    ]);
    expect(device.state.conditions[1]?.message).toContain('a pack is damaged');
  });

  test('that a newer one pre-empts goes back past it, to what was committed and the data of then', async () => {
    const device = await Device.running(1);
    for (const generation of [2, 3]) device.machines.set(digestOf(generation), machineOf(generation));
    device.bad.set('3', 'ledger exits');
    device.settle = (signal) =>
      device.apps.get('ledger') === '2' ? untilAborted(signal) : Promise.resolve();
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.state.phase === 'verifying');
    await reconciler.offer(desired(3), { live: true });
    await device.until(() => device.apps.get('ledger') === '1' && device.state.phase === 'rolledBack');
    expect(device.state.current?.generation).toBe(1);
    expect(device.data).toEqual(['1', '1']);
    expect(device.violations).toEqual([]);
  });

  test('that was given up does not run again when a newer one cannot reach the vault either', async () => {
    const device = await Device.running(1);
    for (const generation of [2, 3]) device.machines.set(digestOf(generation), machineOf(generation));
    const away = new CodedError('network', 'the vault is away', { transient: true });
    device.settle = () => {
      if (device.apps.get('ledger') !== '2') return Promise.resolve();
      device.vaultProblem = away;
      return Promise.reject(new Error('ledger exits'));
    };
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.state.conditions.some(({ message }) => message.includes('is away')));
    device.steps.length = 0;
    device.restarts.length = 0;
    await reconciler.offer(desired(3), { live: true });
    await device.until(() => device.steps.filter((step) => step === 'snapshot').length > 2);
    expect(device.restarts).toEqual([]);
    device.vaultProblem = undefined;
    await device.until(() => device.state.phase === 'committed');
    expect(device.state).toMatchObject({ current: { generation: 3 }, previous: { generation: 1 } });
    expect(device.violations).toEqual([]);
  });

  test('that is not well goes back while a newer one still waits for its window', async () => {
    const device = await Device.running(1);
    const closed = { windows: [{ cron: '0 2 * * *', duration: '1h', timezone: 'UTC' }] };
    device.machines.set(digestOf(2), machineOf(2));
    device.machines.set(digestOf(3), machineOf(3, closed));
    const verdict = Promise.withResolvers<undefined>();
    device.settle = (signal) =>
      device.apps.get('ledger') === '2'
        ? Promise.race([verdict.promise, untilAborted(signal)])
        : Promise.resolve();
    await using reconciler = device.boot().reconciler;
    await reconciler.start();
    await reconciler.offer(desired(2), { live: true });
    await device.until(() => device.state.phase === 'verifying');
    await reconciler.offer(desired(3), { live: true });
    await device.until(() => device.state.conditions.some(({ reason }) => reason === 'window'));
    expect(device.apps.get('ledger')).toBe('2');
    verdict.reject(new Error('ledger exits'));
    await device.until(() => device.apps.get('ledger') === '1');
    expect(device.state).toMatchObject({ phase: 'staged', current: { generation: 1 }, trial: null });
    device.nowMs = Date.parse('2026-01-11T02:30:00Z');
    await device.until(() => device.state.phase === 'committed');
    expect(device.state).toMatchObject({ current: { generation: 3 }, previous: { generation: 1 } });
  });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(new Error('aborted'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return promise;
}
