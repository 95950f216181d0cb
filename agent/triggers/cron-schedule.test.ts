import { describe, expect, test } from '@jest/globals';
import { CronSchedule } from './cron-schedule.ts';

const at = (text: string): number => Date.parse(text);
const iso = (time: number | undefined): string =>
  time === undefined ? 'never' : new Date(time).toISOString();

function runs(expression: string, zone: string, { from, count }: { from: string; count: number }): string[] {
  const schedule = new CronSchedule(expression, zone);
  const found: string[] = [];
  for (let time = schedule.next(at(from)); found.length < count; time = schedule.next(time ?? 0))
    found.push(iso(time));
  return found;
}

describe('a schedule', () => {
  test('gives its runs one after the other, strictly after the instant asked for', () => {
    expect(runs('*/20 * * * *', 'UTC', { from: '2026-01-31T23:40:00Z', count: 3 })).toEqual([
      '2026-02-01T00:00:00.000Z',
      '2026-02-01T00:20:00.000Z',
      '2026-02-01T00:40:00.000Z',
    ]);
    expect(runs('*/30 * * * * *', 'UTC', { from: '2026-01-01T00:00:00.500Z', count: 2 })).toEqual([
      '2026-01-01T00:00:30.000Z',
      '2026-01-01T00:01:00.000Z',
    ]);
  });

  test('knows last days, nearest weekdays and the nth weekday of a month', () => {
    const from = '2026-02-01T00:00:00Z';
    expect(runs('0 0 L * *', 'UTC', { from, count: 2 })).toEqual([
      '2026-02-28T00:00:00.000Z',
      '2026-03-31T00:00:00.000Z',
    ]);
    expect(runs('0 6 15W * *', 'UTC', { from, count: 1 })).toEqual(['2026-02-16T06:00:00.000Z']);
    expect(runs('0 6 * * 5#2', 'UTC', { from, count: 1 })).toEqual(['2026-02-13T06:00:00.000Z']);
  });

  test('finds what is decades away', () => {
    expect(runs('0 0 29 2 1', 'UTC', { from: '2026-01-01T00:00:00Z', count: 2 })).toEqual([
      '2044-02-29T00:00:00.000Z',
      '2072-02-29T00:00:00.000Z',
    ]);
  });

  test('follows the wall clock of its zone', () => {
    expect(runs('0 8 * * *', 'Asia/Kathmandu', { from: '2026-01-01T00:00:00Z', count: 1 })).toEqual([
      '2026-01-01T02:15:00.000Z',
    ]);
    expect(runs('0 8 * * *', 'America/New_York', { from: '2026-03-07T00:00:00Z', count: 2 })).toEqual([
      '2026-03-07T13:00:00.000Z',
      '2026-03-08T12:00:00.000Z',
    ]);
  });
});

describe('when the clocks go forward', () => {
  // Europe/Berlin: 2026-03-29, 02:00 becomes 03:00 at 01:00 UTC.
  const from = '2026-03-28T12:00:00Z';

  test('a time that is left out runs at the end of the gap, once', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', { from, count: 2 })).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    expect(runs('*/15 2 * * *', 'Europe/Berlin', { from, count: 2 })).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:00:00.000Z',
    ]);
  });

  test('a time that is left out runs at the end of the gap also for one who asks a second before it', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', { from: '2026-03-29T00:59:59Z', count: 2 })).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  test('a time at the end of the gap runs once, though one of the gap goes there too', () => {
    expect(runs('0,30 2,3 * * *', 'Europe/Berlin', { from, count: 3 })).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-30T00:00:00.000Z',
    ]);
  });

  test('an interval keeps its pace', () => {
    expect(runs('*/30 * * * *', 'Europe/Berlin', { from: '2026-03-29T00:00:00Z', count: 4 })).toEqual([
      '2026-03-29T00:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-29T02:00:00.000Z',
    ]);
  });

  test('a day that begins with the gap has its midnight run at the end of it', () => {
    // America/Santiago: 2026-09-06, 00:00 becomes 01:00 at 04:00 UTC.
    expect(runs('0 0 * * *', 'America/Santiago', { from: '2026-09-05T12:00:00Z', count: 2 })).toEqual([
      '2026-09-06T04:00:00.000Z',
      '2026-09-07T03:00:00.000Z',
    ]);
  });
});

describe('when the clocks go back', () => {
  // Europe/Berlin: 2026-10-25, 03:00 becomes 02:00 at 01:00 UTC.
  test('a time that comes twice runs the first time only', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', { from: '2026-10-24T12:00:00Z', count: 2 })).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  test('an interval keeps its pace through both hours', () => {
    expect(runs('*/30 * * * *', 'Europe/Berlin', { from: '2026-10-25T00:00:00Z', count: 4 })).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:30:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ]);
  });

  test('a change by half an hour is one too', () => {
    // Australia/Lord_Howe: 2026-04-05, 02:00 becomes 01:30 at 15:00 UTC of the day before.
    expect(runs('45 1 * * *', 'Australia/Lord_Howe', { from: '2026-04-04T00:00:00Z', count: 2 })).toEqual([
      '2026-04-04T14:45:00.000Z',
      '2026-04-05T15:15:00.000Z',
    ]);
  });
});

describe('the newest runs of a span', () => {
  const schedule = new CronSchedule('*/5 * * * *', 'UTC');

  test('are all of them when they are few', () => {
    const span = { after: at('2026-01-01T00:00:00Z'), until: at('2026-01-01T00:15:00Z'), count: 100 };
    expect(schedule.latest(span).map(iso)).toEqual([
      '2026-01-01T00:05:00.000Z',
      '2026-01-01T00:10:00.000Z',
      '2026-01-01T00:15:00.000Z',
    ]);
  });

  test('are counted from the end of decades', () => {
    const found = schedule.latest({ after: 0, until: at('2026-01-02T00:01:00Z'), count: 100 });
    expect(found).toHaveLength(100);
    expect(iso(found[0])).toBe('2026-01-01T15:45:00.000Z');
    expect(iso(found.at(-1))).toBe('2026-01-02T00:00:00.000Z');
  });

  test('are none when the span is empty or turned round', () => {
    expect(schedule.latest({ after: 1_000_000, until: 1_000_000, count: 5 })).toEqual([]);
    expect(schedule.latest({ after: 10_000_000, until: 1_000_000, count: 5 })).toEqual([]);
  });
});
