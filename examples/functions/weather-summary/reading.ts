/** A day as the station measures it; temperatures, rain and wind in tenths (of °C, mm, m/s), so that sums are exact. */
export type Reading = {
  readonly date: string;
  readonly precipitationTenths: number;
  readonly tempMaxTenths: number;
  readonly tempMinTenths: number;
  readonly windTenths: number;
  readonly weather: string;
};

/** Throws TypeError for anything that is not a reading: the event is then retried and at last put aside. */
export function parseReading(value: unknown): Reading {
  const row = (value ?? {}) as Record<string, unknown>;
  const { date, weather } = row;
  if (typeof date !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(date))
    throw new TypeError('date must be YYYY-MM-DD');
  if (typeof weather !== 'string') throw new TypeError('weather must be a word');
  return {
    date,
    precipitationTenths: tenths(row, 'precipitation'),
    tempMaxTenths: tenths(row, 'temp_max'),
    tempMinTenths: tenths(row, 'temp_min'),
    windTenths: tenths(row, 'wind'),
    weather,
  };
}

/** °F, inches and miles an hour, rounded to hundredths. */
export function toDailyRow(reading: Reading) {
  return {
    date: reading.date,
    tempMaxF: fahrenheit(reading.tempMaxTenths),
    tempMinF: fahrenheit(reading.tempMinTenths),
    precipitationIn: round(reading.precipitationTenths / 254),
    windMph: round((reading.windTenths * 3600) / 16_093.44),
    weather: reading.weather,
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function fahrenheit(celsiusTenths: number): number {
  return round((celsiusTenths * 18 + 3200) / 100);
}

function tenths(row: Record<string, unknown>, key: string): number {
  const value = row[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError(`${key} must be a number`);
  return Math.round(value * 10);
}
