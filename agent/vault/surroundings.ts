import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Surroundings } from './ports.ts';

export type SurroundingsOptions = {
  /** Where the kernel tells of its hardware; Linux only. */
  readonly sys?: string;
  readonly proc?: string;
};

/**
 * Power and link as the kernel tells them, without asking a daemon. A link counts as metered when the default route goes over
 * a mobile (wwan) or dial-up (ppp) device: whether another one costs by the byte only its daemon knows.
 */
export async function readSurroundings({
  sys = '/sys',
  proc = '/proc',
}: SurroundingsOptions = {}): Promise<Surroundings> {
  return { power: await powerOf(sys), link: await linkOf(sys, proc) };
}

async function powerOf(sys: string): Promise<Surroundings['power']> {
  const supplies = await Promise.all(
    (await namesIn(join(sys, 'class/power_supply'))).map(async (name) => {
      const at = (file: string) => textOf(join(sys, 'class/power_supply', name, file));
      return { type: await at('type'), online: await at('online'), status: await at('status') };
    }),
  );
  if (supplies.some(({ type, online }) => (type === 'Mains' || type === 'USB') && online === '1'))
    return 'mains';
  const batteries = supplies.filter(({ type }) => type === 'Battery');
  if (batteries.some(({ status }) => status === 'Discharging')) return 'battery';
  // A machine without a battery in the list is one without a battery, or one whose kernel does not tell.
  return batteries.length === 0 ? 'unknown' : 'mains';
}

async function linkOf(sys: string, proc: string): Promise<Surroundings['link']> {
  const device = defaultDevice((await textOf(join(proc, 'net/route'))) ?? '');
  if (device === undefined) return 'unknown';
  if (/^(ppp|wwan)/.test(device)) return 'metered';
  const kind = (await textOf(join(sys, 'class/net', device, 'uevent'))) ?? '';
  return /^DEVTYPE=wwan$/m.test(kind) ? 'metered' : 'unknown';
}

/** Of the default route with the lowest metric. */
function defaultDevice(routes: string): string | undefined {
  const lines = routes
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/));
  const [best] = lines
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  const name = best?.[0];
  return name !== undefined && /^[\w.@-]{1,15}$/.test(name) ? name : undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}
