import { describe, expect, test } from '@jest/globals';
import { updatesSchema } from '../../manifests/updates.ts';
import { openWindow } from './open-window.ts';

const windowsOf = (...windows: { cron: string; duration: string; timezone?: string }[]) =>
  updatesSchema.parse({ windows }).windows;
const at = (text: string): number => Date.parse(text);

const nights = windowsOf({ cron: '0 2 * * *', duration: '2h', timezone: 'Europe/Berlin' });

describe('update windows', () => {
  test('are always open when there are none', () => {
    expect(openWindow([], at('2026-03-01T12:00:00Z'))).toEqual({ open: true });
  });

  test('open at their moment and close when their duration has passed', () => {
    expect(openWindow(nights, at('2026-01-10T00:59:59.999Z'))).toEqual({
      open: false,
      opensMs: at('2026-01-10T01:00:00Z'),
    });
    expect(openWindow(nights, at('2026-01-10T01:00:00Z'))).toEqual({ open: true });
    expect(openWindow(nights, at('2026-01-10T02:59:59.999Z'))).toEqual({ open: true });
    expect(openWindow(nights, at('2026-01-10T03:00:00Z'))).toEqual({
      open: false,
      opensMs: at('2026-01-11T01:00:00Z'),
    });
  });

  test('that open in the hour that summer time leaves out open at its end, for their whole duration', () => {
    // 29 March 2026: at 01:00 UTC the clock goes from 02:00 to 03:00.
    const inGap = windowsOf({ cron: '30 2 * * *', duration: '1h', timezone: 'Europe/Berlin' });
    expect(openWindow(inGap, at('2026-03-29T00:59:59Z'))).toEqual({
      open: false,
      opensMs: at('2026-03-29T01:00:00Z'),
    });
    expect(openWindow(inGap, at('2026-03-29T01:59:59Z'))).toEqual({ open: true });
    expect(openWindow(inGap, at('2026-03-29T02:00:00Z'))).toEqual({
      open: false,
      opensMs: at('2026-03-30T00:30:00Z'),
    });
  });

  test('that open in the hour that comes twice open once, for as long as their duration is', () => {
    // 25 October 2026: at 01:00 UTC the clock goes from 03:00 back to 02:00.
    expect(openWindow(nights, at('2026-10-25T00:00:00Z'))).toEqual({ open: true });
    expect(openWindow(nights, at('2026-10-25T01:59:59Z'))).toEqual({ open: true });
    expect(openWindow(nights, at('2026-10-25T02:00:00Z'))).toEqual({
      open: false,
      opensMs: at('2026-10-26T01:00:00Z'),
    });
  });

  test('of several, the one that opens first counts', () => {
    const two = windowsOf(
      { cron: '0 22 * * 6', duration: '1h', timezone: 'UTC' },
      { cron: '0 4 * * *', duration: '30m', timezone: 'UTC' },
    );
    expect(openWindow(two, at('2026-01-10T21:00:00Z'))).toEqual({
      open: false,
      opensMs: at('2026-01-10T22:00:00Z'),
    });
    expect(openWindow(two, at('2026-01-10T22:30:00Z'))).toEqual({ open: true });
    expect(openWindow(two, at('2026-01-10T23:00:00Z'))).toEqual({
      open: false,
      opensMs: at('2026-01-11T04:00:00Z'),
    });
  });
});
