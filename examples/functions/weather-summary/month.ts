import type { Reading } from './reading.ts';

/** The days of a month so far: sums of tenths, which integers add up exactly. */
export type Month = {
  readonly month: string;
  readonly days: number;
  readonly precipitationTenths: number;
  readonly tempMaxTenths: number;
  readonly tempMinTenths: number;
  readonly windMaxTenths: number;
  readonly byWeather: Readonly<Record<string, number>>;
};

export function emptyMonth(month: string): Month {
  return {
    month,
    days: 0,
    precipitationTenths: 0,
    tempMaxTenths: 0,
    tempMinTenths: 0,
    windMaxTenths: 0,
    byWeather: {},
  };
}

export function addDay(sum: Month, day: Reading): Month {
  return {
    month: sum.month,
    days: sum.days + 1,
    precipitationTenths: sum.precipitationTenths + day.precipitationTenths,
    tempMaxTenths: sum.tempMaxTenths + day.tempMaxTenths,
    tempMinTenths: sum.tempMinTenths + day.tempMinTenths,
    windMaxTenths: Math.max(sum.windMaxTenths, day.windTenths),
    byWeather: { ...sum.byWeather, [day.weather]: (sum.byWeather[day.weather] ?? 0) + 1 },
  };
}

/** Rain in mm is exact to a tenth; the mean in °C is rounded to hundredths, and null before the first day. */
export function monthToDate({ days, precipitationTenths, tempMaxTenths }: Month) {
  return { days, precipitationMm: precipitationTenths / 10, meanTempMaxC: mean(tempMaxTenths, days) };
}

export function monthlyRow(sum: Month) {
  return {
    month: sum.month,
    ...monthToDate(sum),
    meanTempMinC: mean(sum.tempMinTenths, sum.days),
    maxWindMs: sum.windMaxTenths / 10,
    byWeather: sum.byWeather,
  };
}

export function isLastDay(date: string): boolean {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + 1);
  return day.getUTCDate() === 1;
}

/** °C rounded to hundredths. Dividing integers once keeps a tie a tie: 12.345 is not a number a double can hold. */
function mean(tenths: number, days: number): number | null {
  return days === 0 ? null : Math.round((tenths * 10) / days) / 100;
}
