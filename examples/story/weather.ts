import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** One day of `seattle-weather.csv` as the station sends it: mm, °C, m/s. */
export type Reading = {
  readonly date: string;
  readonly precipitation: number;
  readonly temp_max: number;
  readonly temp_min: number;
  readonly wind: number;
  readonly weather: string;
};

/** 1,461 days of measurements in Seattle, 2012–2015, from the npm package vega-datasets. Oldest first. */
export async function readMeasurements(): Promise<Reading[]> {
  const path = createRequire(import.meta.url).resolve('vega-datasets/data/seattle-weather.csv');
  const [, ...lines] = (await readFile(path, 'utf8')).trim().split(/\r?\n/);
  return lines.map((line) => {
    const [date = '', precipitation, max, min, wind, weather = ''] = line.split(',');
    return {
      date,
      precipitation: Number(precipitation),
      temp_max: Number(max),
      temp_min: Number(min),
      wind: Number(wind),
      weather,
    };
  });
}

export type DailyRow = {
  readonly date: string;
  readonly tempMaxF: number;
  readonly tempMinF: number;
  readonly precipitationIn: number;
  readonly windMph: number;
  readonly weather: string;
  readonly monthToDate: {
    readonly days: number;
    readonly precipitationMm: number;
    readonly meanTempMaxC: number;
  };
};

export type MonthlyRow = {
  readonly month: string;
  readonly days: number;
  readonly precipitationMm: number;
  readonly meanTempMaxC: number;
  readonly meanTempMinC: number;
  readonly maxWindMs: number;
  readonly byWeather: Readonly<Record<string, number>>;
};

/**
 * What the function's results must be, computed here from the CSV alone: this file shares no line with the function.
 * Whole months are summed at once, where the function carries a running total from event to event.
 */
export function expectedRows(readings: readonly Reading[]): { daily: DailyRow[]; monthly: MonthlyRow[] } {
  const months = Map.groupBy(readings, ({ date }) => date.slice(0, 7));
  const daily = [...months.values()].flatMap((month) =>
    month.map((reading, index) => dailyRow(reading, month.slice(0, index + 1))),
  );
  const monthly = [...months].map(([month, days]) => monthlyRow(month, days));
  return { daily, monthly };
}

function dailyRow(reading: Reading, monthToDate: readonly Reading[]): DailyRow {
  return {
    date: reading.date,
    tempMaxF: round((reading.temp_max * 9) / 5 + 32, 2),
    tempMinF: round((reading.temp_min * 9) / 5 + 32, 2),
    precipitationIn: round(reading.precipitation / 25.4, 3),
    windMph: round((reading.wind * 3600) / 1609.344, 2),
    weather: reading.weather,
    monthToDate: {
      days: monthToDate.length,
      precipitationMm: sum(monthToDate, 'precipitation'),
      meanTempMaxC: mean(monthToDate, 'temp_max'),
    },
  };
}

function monthlyRow(month: string, days: readonly Reading[]): MonthlyRow {
  const byWeather = Object.fromEntries(
    [...Map.groupBy(days, ({ weather }) => weather)].map(([weather, some]) => [weather, some.length]),
  );
  return {
    month,
    days: days.length,
    precipitationMm: sum(days, 'precipitation'),
    meanTempMaxC: mean(days, 'temp_max'),
    meanTempMinC: mean(days, 'temp_min'),
    maxWindMs: Math.max(...days.map(({ wind }) => wind)),
    byWeather,
  };
}

/** In tenths, the precision of the data, so that no rounding error can hide or make a difference. */
function tenths(readings: readonly Reading[], key: 'precipitation' | 'temp_max' | 'temp_min'): number {
  return readings.reduce((total, reading) => total + Math.round(reading[key] * 10), 0);
}

function sum(readings: readonly Reading[], key: 'precipitation'): number {
  return tenths(readings, key) / 10;
}

function mean(readings: readonly Reading[], key: 'temp_max' | 'temp_min'): number {
  return round(tenths(readings, key) / 10 / readings.length, 2);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
