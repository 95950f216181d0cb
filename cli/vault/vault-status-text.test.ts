import { expect, test } from '@jest/globals';
import type { VaultStatus } from '../../agent/control/vault-protocol.ts';
import type { Io } from '../io.ts';
import { Output } from '../output.ts';
import { formatVaultStatus } from './vault-status-text.ts';

const out = new Output({ stdout: { isTTY: false }, env: {} } as unknown as Io, { json: false });
const nowMs = Date.parse('2026-05-01T06:00:00Z');

const status: VaultStatus = {
  repository: { location: '/mnt/backup', id: 'd85b8a57'.padEnd(64, '0') },
  owner: { fingerprint: 'aaaa bbbb', offered: null, slot: true },
  ...{ power: 'mains', link: 'unknown', paused: null, retention: null, running: null, waiting: 0 },
  volumes: {
    data: {
      schedule: '0 3 * * *',
      next: '2026-05-02T03:00:00.000Z',
      overdue: false,
      last: {
        snapshot: '37dce429'.padEnd(64, '0'),
        time: '2026-05-01T03:00:00.000Z',
        ...{ totalBytes: 5000, newBytes: 0, storedBytes: 0, durationMs: 20, problems: 0 },
      },
      ...{ restored: null, unchanged: null, failure: null },
    },
  },
};

test('each volume has its last snapshot, its age and the next', () => {
  const lines = formatVaultStatus(out, status, nowMs).split('\n');
  expect(lines[0]).toBe('repository  /mnt/backup  (d85b8a57)');
  expect(lines.at(-1)).toBe('data    0 3 * * *  37dce429  3 h ago  4.9 KiB  2026-05-02 03:00:00');
});

test('a volume that came from a snapshot says from which, until it has one of its own', () => {
  const { data } = status.volumes;
  const restored = {
    snapshot: '9a5f'.padEnd(64, '0'),
    taken: '2026-04-30T03:00:00Z',
    restored: '2026-05-01T05:00:00.000Z',
  };
  const lastLine = (volume: typeof data): string =>
    formatVaultStatus(out, { ...status, volumes: { data: volume! } }, nowMs)
      .split('\n')
      .at(-1) ?? '';
  expect(lastLine({ ...data!, last: null, restored })).toBe(
    'data    0 3 * * *  9a5f0000  restored 1 h ago  -     2026-05-02 03:00:00',
  );
  expect(lastLine({ ...data!, restored })).toContain('37dce429  3 h ago');
});

test('a foreign owner key, a pause and a failure say what to do or why', () => {
  const failure = { code: 'network', message: 'no route', time: '2026-05-01T05:00:00.000Z', attempts: 2 };
  const text = formatVaultStatus(
    out,
    {
      ...status,
      owner: { fingerprint: 'aaaa bbbb', offered: 'cccc dddd', slot: true },
      paused: 'onBattery',
      volumes: { data: { ...status.volumes.data!, failure } },
    },
    nowMs,
  );
  expect(text).toContain('cccc dddd');
  expect(text).toContain('holdfast vault trust-owner');
  expect(text).toContain('this device runs on battery');
  expect(text).toMatch(/failed: no route$/);
});

test('without snapshots there is no vault', () => {
  const nothing = { ...status, repository: null, owner: null, volumes: {} };
  expect(formatVaultStatus(out, nothing, nowMs)).toMatch(/^No vault: /);
});
