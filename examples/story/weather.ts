import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';

/** One day of `seattle-weather.csv` as the station sends it: mm, °C, m/s. */
export type Reading = {
  readonly date: string;
  readonly precipitation: number;
  readonly temp_max: number;
  readonly temp_min: number;
  readonly wind: number;
  readonly weather: string;
};

/** The package exports its code only, so its data is found beside that. */
function packageFolder(): string {
  const name = 'vega-datasets';
  const code = createRequire(import.meta.url).resolve(name);
  return code.slice(0, code.lastIndexOf(`${sep}${name}${sep}`) + name.length + 1);
}

/** The data files of vega-datasets. */
export function dataFolder(): string {
  return join(packageFolder(), 'data');
}

/** 1,461 days of measurements in Seattle, 2012–2015, from the npm package vega-datasets. Oldest first. */
export async function readMeasurements(): Promise<Reading[]> {
  const path = join(dataFolder(), 'seattle-weather.csv');
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
    tempMaxF: fahrenheit(reading.temp_max),
    tempMinF: fahrenheit(reading.temp_min),
    precipitationIn: hundredths(tenths(reading.precipitation), 254),
    windMph: hundredths(tenths(reading.wind) * 360_000, 1_609_344),
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

type Measured = 'precipitation' | 'temp_max' | 'temp_min';

/** As an integer, at the precision of the data. */
function tenths(value: number): number {
  return Math.round(value * 10);
}

function total(readings: readonly Reading[], key: Measured): number {
  return readings.reduce((sum, reading) => sum + tenths(reading[key]), 0);
}

function sum(readings: readonly Reading[], key: Measured): number {
  return total(readings, key) / 10;
}

function mean(readings: readonly Reading[], key: Measured): number {
  return hundredths(total(readings, key), readings.length * 10);
}

function fahrenheit(celsius: number): number {
  return (tenths(celsius) * 18 + 3200) / 100;
}

/** numerator / denominator rounded half up to hundredths, by integers alone: no rounding error can make a difference. */
function hundredths(numerator: number, denominator: number): number {
  return Math.floor((200 * numerator + denominator) / (2 * denominator)) / 100;
}
