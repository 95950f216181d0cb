import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildBundle, readBundle } from '../../functions/index.ts';
import { functionSchema } from '../../manifests/function.ts';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';

let sandbox: Sandbox;
const { signal } = new AbortController();

beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

async function deployExample(name: string, manifest: Record<string, unknown>): Promise<void> {
  const built = await buildBundle({ entry: `examples/functions/${name}/index.ts`, signal });
  const bundle = await readBundle({
    ...built,
    readBlob: (digest) => Promise.resolve(built.blobs.find((blob) => blob.digest === digest)!.bytes),
  });
  const spec = functionSchema.parse({ bundle: `holdfast/${name}@${built.digest}`, ...manifest });
  await sandbox.runtime.deploy({ name, bundle, spec });
}

async function readings(prefix: RegExp): Promise<Record<string, string | number>[]> {
  const csv = await readFile('node_modules/vega-datasets/data/seattle-weather.csv', 'utf8');
  const [head = '', ...lines] = csv.trim().split(/\r?\n/);
  const keys = head.split(',');
  const rows = lines.map((line) => line.split(','));
  return rows
    .filter(([date = '']) => prefix.test(date))
    .map((cells) =>
      Object.fromEntries(
        keys.map((key, at) => [key, /^-?[\d.]+$/.test(cells[at]!) ? Number(cells[at]) : cells[at]!]),
      ),
    );
}

test('weather-summary turns two months of real measurements into rows, each day once', async () => {
  await deployExample('weather-summary', {
    on: [{ mqtt: 'station/weather' }, { cron: '0 * * * *' }],
    bindings: {
      DAILY: { publish: 'weather/daily' },
      MONTHLY: { publish: 'weather/monthly' },
      STATE: { kv: 'weather' },
    },
  });
  const days = await readings(/^2012-0[12]-/);
  expect(days).toHaveLength(31 + 29);
  const twice = days.flatMap((day) => [day, day]);
  for (const day of twice) {
    const event = {
      kind: 'message',
      topic: 'station/weather',
      payload: Buffer.from(JSON.stringify(day)),
      time: '2026-01-01T00:00:00Z',
    } as const;
    await sandbox.runtime.invoke('weather-summary', event, sandbox.effects, { signal });
  }
  const rows = (topic: string) =>
    sandbox.effects.published
      .filter((row) => row.topic === topic)
      .map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  const daily = rows('weather/daily');
  expect(daily.map(({ date }) => date)).toEqual(days.map(({ date }) => date));
  expect(daily[1]).toEqual({
    date: '2012-01-02',
    tempMaxF: 51.08,
    tempMinF: 37.04,
    precipitationIn: 0.43,
    windMph: 10.07,
    weather: 'rain',
    monthToDate: { days: 2, precipitationMm: 10.9, meanTempMaxC: 11.7 },
  });
  const january = days.filter(({ date }) => String(date).startsWith('2012-01'));
  const sum = (key: string) =>
    january.reduce((total, day) => total + Math.round(Number(day[key]) * 10), 0) / 10;
  expect(rows('weather/monthly').map(({ month, days: count }) => [month, count])).toEqual([
    ['2012-01', 31],
    ['2012-02', 29],
  ]);
  expect(rows('weather/monthly')[0]).toMatchObject({
    precipitationMm: sum('precipitation'),
    meanTempMaxC: Math.round((sum('temp_max') / 31) * 100) / 100,
    meanTempMinC: Math.round((sum('temp_min') / 31) * 100) / 100,
    maxWindMs: Math.max(...january.map(({ wind }) => Number(wind))),
  });
  expect(await sandbox.invoke('weather-summary', { month: '2012-01' })).toMatchObject({
    month: '2012-01',
    days: 31,
  });
  await expect(sandbox.invoke('weather-summary', {})).rejects.toMatchObject({ code: 'threw' });
  sandbox.logs.length = 0;
  const event = { kind: 'scheduled', cron: '0 * * * *', scheduledTime: '2026-01-01T00:00:00Z' } as const;
  await sandbox.runtime.invoke('weather-summary', event, sandbox.effects, { signal });
  expect(sandbox.logs[0]?.message).toMatch(/^2012-02 so far: \{"days":29,/);
});

test('echo answers with what it was given', async () => {
  await deployExample('echo', {});
  expect(await sandbox.invoke('echo', { hello: ['world'] })).toEqual({ hello: ['world'] });
});
