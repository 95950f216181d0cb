import type { Event, Reading } from './handler/transform.ts';

/** A sensor's report of `bytes` bytes of JSON, give or take a reading. */
export function sampleEvent(bytes: number): Event {
  const readings: Reading[] = [];
  const event = { device: 'sensor-17', site: 'north', readings };
  while (JSON.stringify(event).length < bytes)
    readings.push({ at: 1_700_000_000_000 + readings.length * 1000, value: 20 + (readings.length % 17) / 4 });
  return event;
}
