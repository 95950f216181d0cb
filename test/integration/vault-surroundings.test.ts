import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readSurroundings } from '../../agent/vault/surroundings.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sys-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function kernel(files: Readonly<Record<string, string>>) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), `${text}\n`);
  }
  return readSurroundings({ sys: join(folder, 'sys'), proc: join(folder, 'proc') });
}

const supply = 'sys/class/power_supply';
const routes = (...rows: string[]) =>
  ['Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask', ...rows].join('\n');
const defaultOver = (device: string, metric: number) =>
  `${device}\t00000000\t0101A8C0\t0003\t0\t0\t${metric}\t00000000\t0\t0\t0`;

test('says that it does not know where the kernel tells nothing', async () => {
  expect(await kernel({})).toEqual({ power: 'unknown', link: 'unknown' });
});

test('knows a laptop on its battery from one on mains power, charging or full', async () => {
  const battery = { [`${supply}/BAT0/type`]: 'Battery', [`${supply}/AC/type`]: 'Mains' };
  const discharging = { ...battery, [`${supply}/BAT0/status`]: 'Discharging', [`${supply}/AC/online`]: '0' };
  expect((await kernel(discharging)).power).toBe('battery');
  expect((await kernel({ [`${supply}/AC/online`]: '1' })).power).toBe('mains');
  await rm(join(folder, supply, 'AC'), { recursive: true });
  expect((await kernel({ [`${supply}/BAT0/status`]: 'Full' })).power).toBe('mains');
});

test('takes a link for metered when the best default route goes over a mobile device', async () => {
  const wwan = { 'sys/class/net/wlx0/uevent': 'INTERFACE=wlx0\nDEVTYPE=wwan' };
  const both = routes(defaultOver('eth0', 600), defaultOver('wlx0', 100));
  expect((await kernel({ ...wwan, 'proc/net/route': both })).link).toBe('metered');
  const other = routes(
    defaultOver('eth0', 50),
    defaultOver('wlx0', 100),
    'ppp0\t0001A8C0\t0\t1\t0\t0\t0\t00FFFFFF',
  );
  expect((await kernel({ 'proc/net/route': other })).link).toBe('unknown');
  expect((await kernel({ 'proc/net/route': routes(defaultOver('ppp0', 0)) })).link).toBe('metered');
  expect((await kernel({ 'proc/net/route': routes(defaultOver('../../x', 0)) })).link).toBe('unknown');
});
